//! `--dry-run`: prints what a change would give to users and take from them, and changes nothing.

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::admin::applications::GroupUse;
use crate::admin::client_view::ClientView;
use crate::admin::edit_client;
use crate::admin::preview::{self, Effect, Kind, Preview, Subject};
use crate::admin::scope_losses::ScopeLoss;
use crate::admin::{Change, Work, change};
use crate::app::App;
use crate::audit::Actor;
use crate::cli::report::Report;
use crate::cli::table::cell;
use crate::cli::{CliError, OPERATOR, confirm};

/// Runs `work` without keeping anything of it, and reports its effects on the users of `subject`.
pub async fn dry_run<'a, T>(
    app: &'a App,
    actor: &'a Actor,
    subject: &Subject,
    work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
) -> Result<Report, CliError> {
    let (_, preview) = preview::run(app, actor, subject, work).await?;
    Ok(Report::new(unchanged(effects(&preview)), json!(preview)))
}

/// The options of each command that removes something.
#[derive(Debug, Clone, Copy, Args)]
pub struct Care {
    /// Remove without asking
    #[arg(long)]
    pub yes: bool,
    /// Only print what would go with it
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs `work`, which removes `what`, after the operator has read what the users of `subject` lose and agreed, and reports it by `report`.
pub async fn remove<'a, T>(
    app: &'a App,
    care: Care,
    subject: &Subject,
    what: &str,
    work: impl for<'c> Fn(&'c mut Change<'a>) -> Work<'c, T>,
    report: impl FnOnce(T) -> Report,
) -> Result<Report, CliError> {
    remove_told(app, care, subject, what, work, |_, preview| (effects(preview), json!(preview)), report).await
}

/// Does what [`remove`] does for something by which no user loses a group, a role or an application. `lost` says in sentences what goes with it.
pub async fn remove_losing<'a, T: Serialize>(
    app: &'a App,
    care: Care,
    what: &str,
    work: impl for<'c> Fn(&'c mut Change<'a>) -> Work<'c, T>,
    lost: impl Fn(&T) -> Vec<String>,
    report: impl FnOnce(T) -> Report,
) -> Result<Report, CliError> {
    let nobody = Subject::Users(Vec::new());
    remove_told(app, care, &nobody, what, work, |removed, _| (lost(removed), json!(removed)), report).await
}

/// Runs `work`, which removes `what`, after the operator has read the sentences of `told` and agreed. `--dry-run` prints them, or the value of
/// `told` as JSON.
async fn remove_told<'a, T>(
    app: &'a App,
    care: Care,
    subject: &Subject,
    what: &str,
    work: impl for<'c> Fn(&'c mut Change<'a>) -> Work<'c, T>,
    told: impl Fn(&T, &Preview) -> (Vec<String>, Value),
    report: impl FnOnce(T) -> Report,
) -> Result<Report, CliError> {
    if care.dry_run || !care.yes {
        let (removed, preview) = preview::run(app, &OPERATOR, subject, &work).await?;
        let (sentences, json) = told(&removed, &preview);
        if care.dry_run {
            return Ok(Report::new(unchanged(sentences), json));
        }
        confirm(&format!("{}\nRemove {what}? This cannot be undone.", sentences.join("\n")))?;
    }
    Ok(report(change(app, &OPERATOR, &work).await?))
}

/// Reports what an edit of a client would change, and its effects on the users. `gets_secret` says that the client would get a secret.
pub fn changes_of_client(before: &ClientView, after: &ClientView, gets_secret: bool, preview: &Preview) -> Report {
    changes("client", (before, after), gets_secret.then_some("The client would get a secret."), preview)
}

/// Reports what an edit would change of the `noun`, from its first state to its second, and its effects on the users.
pub fn changes<V: Serialize>(noun: &str, (before, after): (&V, &V), note: Option<&str>, preview: &Preview) -> Report {
    let changes = edit_client::changes(before, after);
    let mut lines = vec!["Nothing was changed.".to_owned()];
    if changes.is_empty() {
        lines.push(format!("The {noun} is so already."));
    }
    let shown = |value: &Value| match cell(value) {
        text if text.is_empty() => "nothing".to_owned(),
        text => text,
    };
    lines.extend(changes.iter().map(|(field, change)| format!("{field}: {} -> {}", shown(&change.before), shown(&change.after))));
    lines.extend(note.map(str::to_owned));
    lines.extend(effects(preview));
    let mut json = json!(preview);
    json["changes"] = json!(changes);
    Report::new(lines.join("\n"), json)
}

fn unchanged(sentences: Vec<String>) -> String {
    std::iter::once("Nothing was changed.".to_owned()).chain(sentences).collect::<Vec<_>>().join("\n")
}

fn effects(preview: &Preview) -> Vec<String> {
    let mut lines: Vec<String> = preview.scopes.iter().flatten().flat_map(losses).collect();
    lines.extend(preview.effects.iter().map(line));
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

/// Says who would lose a scope by a change of the resource that owns it.
fn losses(loss: &ScopeLoss) -> Vec<String> {
    let ScopeLoss { scope, role_count, roles, client_count, clients } = loss;
    let named = |count: usize, names: &[String]| names.join(", ") + if count > names.len() { " and more" } else { "" };
    let several = |count: usize, noun: &str| if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") };
    let roles =
        (*role_count > 0).then(|| format!("{} would lose the scope {scope}: {}", several(*role_count, "role"), named(*role_count, roles)));
    let clients = (*client_count > 0).then(|| {
        format!("{} could no longer ask for the scope {scope}: {}", several(*client_count, "client"), named(*client_count, clients))
    });
    let lines: Vec<String> = roles.into_iter().chain(clients).collect();
    if lines.is_empty() { vec![format!("No role holds the scope {scope}, and no client may ask for it.")] } else { lines }
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
