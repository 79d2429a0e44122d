//! `signet keys`

use clap::Subcommand;
use serde_json::json;

use crate::app::App;
use crate::cli::report::{Report, date};
use crate::cli::{CliError, refuse};
use crate::config::VERIFIER_MIN_MAX_AGE;

/// `signet keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List all signing keys with their states
    List,
    /// Publish a new key, which signs once every verifier has seen it
    Rotate,
    /// Emergency: take a key out of the JWKS at once
    Revoke {
        /// Which
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Runs it.
pub async fn run(app: &App, command: KeysCommand) -> Result<Report, CliError> {
    match command {
        KeysCommand::List => list(app).await,
        KeysCommand::Rotate => rotate(app).await,
        KeysCommand::Revoke { kid } => revoke(app, &kid).await,
    }
}

async fn list(app: &App) -> Result<Report, CliError> {
    let (ring, now) = (app.rotation().ring().await?, app.now());
    let rows = ring.entries().iter().map(|entry| {
        json!({
            "kid": entry.kid,
            "state": ring.state(entry, now, app.settings.retired_key_lifetime()).as_str(),
            "published_at": date(entry.published_at),
            "signs_from": date(entry.activates_at),
            "revoked_at": entry.revoked_at.map(date),
        })
    });
    Ok(Report::table(&["kid", "state", "published_at", "signs_from", "revoked_at"], rows.collect()))
}

async fn rotate(app: &App) -> Result<Report, CliError> {
    // More than verifiers take would lose them all, and a second key that waits would never sign.
    let (ring, now) = (app.rotation().ring().await?, app.now());
    if let Some(waiting) = ring.next(now) {
        return refuse(format!("the key {} is published already; it signs from {} on", waiting.kid, date(waiting.activates_at)));
    }
    let Some(entry) = app.rotation().publish_after(&ring).await? else {
        return refuse("another node published a key at the same moment; `signet keys list` shows it");
    };
    let wait = entry.activates_at - entry.published_at;
    let text = format!("Published {}; it signs from {} on, in {wait} s.", entry.kid, date(entry.activates_at));
    Ok(Report::new(text, json!({ "kid": entry.kid, "state": "published", "signs_from": date(entry.activates_at), "signs_in": wait })))
}

async fn revoke(app: &App, kid: &str) -> Result<Report, CliError> {
    if !app.rotation().revoke(kid).await? {
        return refuse(format!("there is no key {kid} that could be revoked; `signet keys list` shows all"));
    }
    let ring = app.rotation().ring().await?;
    let active = ring.active(app.now()).map(|entry| entry.kid.as_str());
    let text = format!(
        "Revoked {kid}; {} signs now. Nodes follow within {} s, verifiers within {} s while they reach the issuer.",
        active.unwrap_or("no key"),
        app.settings.key_refresh_interval,
        app.settings.jwks_max_age.max(VERIFIER_MIN_MAX_AGE)
    );
    Ok(Report::new(text, json!({ "kid": kid, "state": "revoked", "active": active })))
}
