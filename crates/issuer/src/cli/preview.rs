//! `--dry-run`: prints what a change would give to users and take from them, and changes nothing.

use serde_json::json;

use crate::admin::preview::{self, Effect, Kind, Preview, Subject};
use crate::admin::{Change, Work};
use crate::app::App;
use crate::audit::Actor;
use crate::cli::CliError;
use crate::cli::report::Report;

/// Runs `work` without keeping anything of it, and reports its effects on the users of `subject`.
pub async fn dry_run<'a, T>(
    app: &'a App,
    actor: &'a Actor,
    subject: &Subject,
    work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
) -> Result<Report, CliError> {
    let (_, preview) = preview::run(app, actor, subject, work).await?;
    Ok(Report::new(text(&preview), json!(preview)))
}

fn text(preview: &Preview) -> String {
    let mut lines = vec!["Nothing was changed.".to_owned()];
    if preview.effects.is_empty() {
        lines.push("No user would gain or lose anything by this change.".to_owned());
    }
    lines.extend(preview.effects.iter().map(line));
    if !preview.complete {
        lines.push(format!("The change concerns more users. Only {} of them were examined.", preview.examined));
    }
    lines.join("\n")
}

fn line(effect: &Effect) -> String {
    let Effect { kind, name, gained, count, users } = effect;
    let noun = if *count == 1 { "user" } else { "users" };
    let kind = match kind {
        Kind::Group => "group",
        Kind::Role => "role",
        Kind::Scope => "scope",
        Kind::Client => "client",
    };
    let verb = if *gained { "gain" } else { "lose" };
    let more = if *count > users.len() { " and more" } else { "" };
    format!("{count} {noun} would {verb} the {kind} {name}: {}{more}", users.join(", "))
}
