//! `signet keys`: lists, rotates and revokes signing keys.

use clap::Subcommand;
use serde_json::json;

use crate::admin::{change, keys};
use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading, rows_of};
use crate::clock::date;

/// The subcommands of `signet keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List all signing keys with their states and dates
    List,
    /// Publish a new key; it signs when every verifier has had time to fetch it, after 15 minutes by default (key_publication_lead)
    Rotate,
    /// Emergency: remove a key from the JWKS at once, so that nodes and verifiers soon refuse its tokens
    Revoke {
        /// Key id (kid) of the key to revoke, as `signet keys list` shows it
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: KeysCommand) -> Result<Report, CliError> {
    match command {
        KeysCommand::List => list(app).await,
        KeysCommand::Rotate => rotate(app).await,
        KeysCommand::Revoke { kid } => revoke(app, &kid).await,
    }
}

async fn list(app: &App) -> Result<Report, CliError> {
    Ok(Report::table(&["kid", "state", "published_at", "signs_from", "revoked_at"], rows_of(keys::list(&reading(app)).await?)))
}

async fn rotate(app: &App) -> Result<Report, CliError> {
    let key = app.rotation().generate()?;
    let published = change(app, &operator(), move |change| Box::pin(keys::publish(change, key))).await?;
    let (kid, from) = (published.kid, date(published.signs_from));
    let wait = published.signs_from - published.published_at;
    let text = format!("Published {kid}; it signs from {from} on, in {wait} s.");
    Ok(Report::new(text, json!({ "kid": kid, "state": published.state, "signs_from": from, "signs_in": wait })))
}

async fn revoke(app: &App, kid: &str) -> Result<Report, CliError> {
    let spare = app.rotation().generate()?;
    let active = change(app, &operator(), move |change| Box::pin(keys::revoke(change, kid, spare))).await?;
    let notice = keys::Notice::of(&app.settings);
    let then = notice.sentences(&app.settings).join("\n- ");
    let text = format!("Revoked {kid}; {} signs now.\n\n- {then}", active.as_deref().unwrap_or("no key"));
    let result = json!({
        "kid": kid,
        "state": "revoked",
        "active": active,
        "nodes_notice_within": notice.nodes,
        "verifiers_notice_within": notice.verifiers,
        "verifiers_cut_off_notice_within": notice.cut_off,
        "others_notice_within": null,
    });
    Ok(Report::new(text, result))
}
