//! `signet keys`: lists, rotates and revokes signing keys.

use clap::Subcommand;
use serde_json::json;

use crate::admin::{change, keys};
use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading, rows_of};
use crate::clock::date;
use crate::config::{VERIFIER_MIN_MAX_AGE, VERIFIER_STALE_ALLOWANCE};

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
    let nodes = app.settings.key_refresh_interval;
    let services = app.settings.jwks_max_age.max(VERIFIER_MIN_MAX_AGE);
    let text = format!(
        "Revoked {kid}; {} signs now.\n\n\
         - Each node that runs follows within a second, and within {nodes} s at the latest.\n\
         - Services that follow the feed of revocations (signet-verifier with the feature `revocation`) refuse the key's tokens within about \
         a second while they reach the issuer.\n\
         - Services that use signet-verifier without the feed refuse them within {services} s while they reach the issuer. Services that do \
         not reach it, with or without the feed, refuse them within {} s.\n\
         - Services that use another library keep the key for as long as that library keeps its JWKS. Many keep it for hours, and fetch \
         again only for an unknown key. Restart these services now, or make them fetch {} again.",
        active.as_deref().unwrap_or("no key"),
        services + VERIFIER_STALE_ALLOWANCE,
        app.settings.issuer.endpoint("/.well-known/jwks.json"),
    );
    let result =
        json!({ "kid": kid, "state": "revoked", "active": active, "nodes_notice_within": nodes, "verifiers_notice_within": services });
    Ok(Report::new(text, result))
}
