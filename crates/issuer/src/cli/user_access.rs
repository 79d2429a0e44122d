//! The commands of `signet user` that give access and end it.

use serde_json::json;
use uuid::Uuid;

use crate::admin::preview::Subject;
use crate::admin::roles::{self, Held};
use crate::admin::users::{self, Ended};
use crate::admin::{Refused, change, consents};
use crate::app::App;
use crate::audit::EndedAccess;
use crate::cli::preview::dry_run;
use crate::cli::report::Report;
use crate::cli::{CliError, confirm, operator, reading, rows_of};

/// Makes a link by which a user sets a password. The user is named by username or by id.
pub(super) async fn link(app: &App, user: &str) -> Result<Report, CliError> {
    let found = match (users::show(&reading(app), user).await, Uuid::try_parse(user)) {
        (Err(Refused::NotFound { .. }), Ok(id)) => users::show_by_id(&reading(app), id).await?,
        (found, _) => found?,
    };
    let made = change(app, &operator(), |change| Box::pin(users::make_link(change, found.id))).await?;
    let text =
        format!("{}\nGive {} this link, by which they set a password within 24 hours. It is not shown again.", made.url, made.username);
    Ok(Report::new(text, json!(made)))
}

pub(super) async fn delete(app: &App, username: &str, yes: bool, dry: bool) -> Result<Report, CliError> {
    let user = users::show(&reading(app), username).await?;
    if dry {
        let subject = Subject::Users(vec![user.username.clone()]);
        return dry_run(app, &operator(), &subject, |change| Box::pin(users::delete(change, user.id, None))).await;
    }
    if !yes {
        let question = format!("Delete the user {} with everything that belongs to them? This cannot be undone.", user.username);
        confirm(&question)?;
    }
    let removed = change(app, &operator(), |change| Box::pin(users::delete(change, user.id, Some(user.version)))).await?;
    let EndedAccess { sessions, authorizations } = removed.ended;
    let text = format!("Deleted {}; sessions ended: {sessions}, authorizations ended: {authorizations}.", removed.username);
    Ok(Report::new(text, json!(removed)))
}

pub(super) async fn unlock(app: &App, username: &str) -> Result<Report, CliError> {
    let id = users::show(&reading(app), username).await?.id;
    let user = change(app, &operator(), |change| Box::pin(users::unlock(change, id))).await?;
    let text = format!("Unlocked {}; the next sign-in need not wait.", user.username);
    Ok(Report::new(text, json!({ "id": user.id, "username": user.username, "locked_until": null })))
}

pub(super) async fn disable(app: &App, username: &str, dry: bool) -> Result<Report, CliError> {
    let id = users::show(&reading(app), username).await?.id;
    if dry {
        let subject = Subject::Users(vec![username.to_owned()]);
        return dry_run(app, &operator(), &subject, |change| Box::pin(users::disable(change, id))).await;
    }
    let Ended { user, ended } = change(app, &operator(), |change| Box::pin(users::disable(change, id))).await?;
    let EndedAccess { sessions, authorizations } = ended;
    let text = format!("Disabled {}; sessions ended: {sessions}, authorizations ended: {authorizations}.", user.username);
    Ok(Report::new(
        text,
        json!({
            "id": user.id,
            "username": user.username,
            "enabled": false,
            "sessions_ended": sessions,
            "authorizations_ended": authorizations,
        }),
    ))
}

pub(super) async fn enable(app: &App, username: &str) -> Result<Report, CliError> {
    let id = users::show(&reading(app), username).await?.id;
    let user = change(app, &operator(), |change| Box::pin(users::enable(change, id))).await?;
    Ok(Report::new(format!("Enabled {}.", user.username), json!({ "id": user.id, "username": user.username, "enabled": true })))
}

pub(super) async fn change_roles(app: &App, username: &str, add: &[String], remove: &[String], dry: bool) -> Result<Report, CliError> {
    let user = users::show(&reading(app), username).await?;
    if dry {
        let subject = Subject::Users(vec![user.username.clone()]);
        return dry_run(app, &operator(), &subject, |change| Box::pin(users::change_roles(change, user.id, add, remove))).await;
    }
    let user = if add.is_empty() && remove.is_empty() {
        user
    } else {
        change(app, &operator(), |change| Box::pin(users::change_roles(change, user.id, add, remove))).await?
    };
    let held = roles::held(&reading(app), user.id).await?;
    let line = |held: &Held| match &held.through {
        Some(group) => format!("{} (through the group {group})", held.role),
        None => held.role.clone(),
    };
    let text = held.iter().map(line).collect::<Vec<_>>().join("\n");
    let through: Vec<&Held> = held.iter().filter(|held| held.through.is_some()).collect();
    let json = json!({ "id": user.id, "username": user.username, "roles": user.roles, "through_groups": through });
    Ok(Report::new(text, json))
}

/// Lists the consents of a user, or withdraws the one to the client `withdraw`.
pub(super) async fn consents(app: &App, username: &str, withdraw: Option<&str>) -> Result<Report, CliError> {
    let user = users::show(&reading(app), username).await?;
    let Some(client) = withdraw else {
        let rows = rows_of(consents::of_user(&reading(app), user.id).await?.items);
        return Ok(Report::table(&["client_id", "scope", "resources", "claims", "given_at"], rows));
    };
    change(app, &operator(), |change| Box::pin(consents::withdraw(change, user.id, client))).await?;
    let text = format!("Withdrew what {} allowed the client {client}; its access to the account has ended.", user.username);
    Ok(Report::new(text, json!({ "username": user.username, "client_id": client, "withdrawn": true })))
}
