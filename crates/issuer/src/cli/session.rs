//! `signet session`: lists and ends sessions, which are browsers that are signed in at the issuer.

use clap::{ArgGroup, Subcommand};
use serde_json::json;

use crate::admin::{change, sessions, users};
use crate::app::App;
use crate::cli::pages::stream;
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading};

/// The subcommands of `signet session`.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the browsers that are signed in
    List {
        /// Only browsers in which this user is signed in
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
    },
    /// Sign out one browser, or all browsers of a user; authorizations with offline_access stay valid
    #[command(group = ArgGroup::new("which").required(true).args(["sid", "user"]))]
    End {
        /// Id (sid) of the session to end, as `signet session list` shows it
        #[arg(allow_hyphen_values = true)]
        sid: Option<String>,
        /// Sign this user out of every browser
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
    },
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: SessionCommand, json: bool) -> Result<Report, CliError> {
    match command {
        SessionCommand::List { user } => list(app, user.as_deref(), json).await,
        SessionCommand::End { sid: Some(sid), .. } => end_one(app, &sid).await,
        SessionCommand::End { sid: None, user } => end_all(app, user.as_deref().unwrap_or_default()).await,
    }
}

async fn list(app: &App, username: Option<&str>, json: bool) -> Result<Report, CliError> {
    let user = match username {
        Some(username) => Some(users::show(&reading(app), username).await?.id),
        None => None,
    };
    stream(json, &["sid", "username", "address", "user_agent", "last_used_at"], async |window| {
        sessions::list(&reading(app), user, &window).await
    })
    .await
}

async fn end_one(app: &App, sid: &str) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(sessions::end(change, sid))).await?;
    Ok(ended(1))
}

async fn end_all(app: &App, username: &str) -> Result<Report, CliError> {
    let user = users::show(&reading(app), username).await?.id;
    Ok(ended(change(app, &operator(), |change| Box::pin(sessions::end_all(change, user))).await?))
}

fn ended(count: usize) -> Report {
    Report::new(format!("Sessions ended: {count}."), json!({ "sessions_ended": count }))
}
