//! `--dry-run`: prints what a change would give to users and take from them, and changes nothing.

use serde_json::{Value, json};

use crate::admin::applications::GroupUse;
use crate::admin::client_view::ClientView;
use crate::admin::edit_client;
use crate::admin::preview::{self, Effect, Kind, Preview, Subject};
use crate::admin::{Change, Work};
use crate::app::App;
use crate::audit::Actor;
use crate::cli::CliError;
use crate::cli::report::{Report, cell};

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

/// Reports what an edit of a client would change, and its effects on the users. `gets_secret` says that the client would get a secret.
pub fn changes_of_client(before: &ClientView, after: &ClientView, gets_secret: bool, preview: &Preview) -> Report {
    let changes = edit_client::changes(before, after);
    let mut lines = vec!["Nothing was changed.".to_owned()];
    if changes.is_empty() {
        lines.push("The client is so already.".to_owned());
    }
    let shown = |value: &Value| match cell(value) {
        text if text.is_empty() => "nothing".to_owned(),
        text => text,
    };
    lines.extend(changes.iter().map(|(field, change)| format!("{field}: {} -> {}", shown(&change.before), shown(&change.after))));
    if gets_secret {
        lines.push("The client would get a secret.".to_owned());
    }
    lines.extend(effects(preview));
    let mut json = json!(preview);
    json["changes"] = json!(changes);
    Report::new(lines.join("\n"), json)
}

fn text(preview: &Preview) -> String {
    std::iter::once("Nothing was changed.".to_owned()).chain(effects(preview)).collect::<Vec<_>>().join("\n")
}

fn effects(preview: &Preview) -> Vec<String> {
    let mut lines: Vec<String> = preview.effects.iter().map(line).collect();
    match preview.shut_out {
        0 => {}
        1 => lines.push("1 user could no longer sign in, and their sessions would end.".to_owned()),
        several => lines.push(format!("{several} users could no longer sign in, and their sessions would end.")),
    }
    let examined = preview.examined;
    match (preview.is_idle(), preview.complete) {
        (true, true) => lines.push("The roles, groups and applications of users stay as they are.".to_owned()),
        (true, false) => lines.push(format!("Of the {examined} users who were examined, nobody would gain or lose anything.")),
        (false, _) => {}
    }
    if preview.authorizations > 0 {
        lines.push(format!("Authorizations that could no longer be used: {}.", preview.authorizations));
    }
    if preview.refused_tokens > 0 {
        lines.push(format!("Other authorizations whose access tokens would be refused: {}.", preview.refused_tokens));
    }
    let of_client = |own: &GroupUse| format!("The client {} uses the group: {}.", own.client_id, own.how());
    lines.extend(preview.clients.iter().flatten().map(of_client));
    if !preview.complete {
        lines.push(format!("The change may concern more users. Only {examined} were examined, so that the numbers may be higher."));
    }
    lines
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
