//! `--dry-run`: prints what a change would give to users and take from them, and changes nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::admin::client_view::ClientView;
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
    let mut changes = Map::new();
    add_changes(&json!(before), &json!(after), &mut changes);
    let mut lines = vec!["Nothing was changed.".to_owned()];
    if changes.is_empty() {
        lines.push("The client is so already.".to_owned());
    }
    let shown = |value: &Value| match cell(value) {
        text if text.is_empty() => "nothing".to_owned(),
        text => text,
    };
    lines.extend(changes.iter().map(|(field, change)| format!("{field}: {} -> {}", shown(&change["before"]), shown(&change["after"]))));
    if gets_secret {
        lines.push("The client would get a secret.".to_owned());
    }
    lines.extend(effects(preview));
    let mut json = json!(preview);
    json["changes"] = changes.into();
    Report::new(lines.join("\n"), json)
}

/// The members of a client that no edit sets.
const FOLLOWING: [&str; 5] = ["version", "secrets", "live_authorizations", "streams", "last_used_at"];

/// Adds to `changes` the members in which the objects differ, each with its value before and after. Those of an object within them stand
/// beside the others.
fn add_changes(before: &Value, after: &Value, changes: &mut Map<String, Value>) {
    let none = Map::new();
    let (old, new) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).filter(|name| !FOLLOWING.contains(&name.as_str())).collect();
    for name in names {
        match (&before[name], &after[name]) {
            (one, other) if one == other => {}
            (one @ Value::Object(_), other @ Value::Object(_)) => add_changes(one, other, changes),
            (one, other) => drop(changes.insert(name.clone(), json!({ "before": one, "after": other }))),
        }
    }
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
    if let Some(number) = preview.authorizations.filter(|number| *number > 0) {
        lines.push(format!("Authorizations that could no longer be used: {number}."));
    }
    if let Some(number) = preview.refused_tokens.filter(|number| *number > 0) {
        lines.push(format!("Other authorizations whose access tokens would be refused: {number}."));
    }
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
