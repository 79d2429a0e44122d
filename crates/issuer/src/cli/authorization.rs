//! `signet authorization`: lists and ends authorizations, by which clients get tokens for users.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use crate::admin::authorizations::{self, AuthorizationFilter};
use crate::admin::{change, clients, users};
use crate::app::App;
use crate::cli::pages::stream;
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading};

/// The subcommands of `signet authorization`.
#[derive(Debug, Subcommand)]
pub enum AuthorizationCommand {
    /// List the authorizations that can still be used, newest first
    List(Filter),
    /// End one authorization, or all of a user and/or client; --user alone also signs the user out of every browser
    #[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "user", "client"]))]
    End {
        /// Id of the authorization to end, as `signet authorization list` shows it
        #[arg(conflicts_with_all = ["user", "client"])]
        id: Option<Uuid>,
        #[command(flatten)]
        filter: Filter,
    },
}

/// Restricts a command to the authorizations of a user, of a client, or of a user at a client.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only authorizations of this user
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Only authorizations that users gave this client
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<String>,
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: AuthorizationCommand, json: bool) -> Result<Report, CliError> {
    match command {
        AuthorizationCommand::List(filter) => list(app, filter, json).await,
        AuthorizationCommand::End { id: Some(id), .. } => end_one(app, id).await,
        AuthorizationCommand::End { id: None, filter } => end_all(app, filter).await,
    }
}

impl Filter {
    async fn resolve(self, app: &App) -> Result<AuthorizationFilter, CliError> {
        let user = match &self.user {
            Some(username) => Some(users::show(&reading(app), username).await?.id),
            None => None,
        };
        if let Some(id) = &self.client {
            clients::show(&reading(app), id).await?;
        }
        Ok(AuthorizationFilter { user, client: self.client })
    }
}

async fn list(app: &App, filter: Filter, json: bool) -> Result<Report, CliError> {
    let filter = filter.resolve(app).await?;
    stream(json, &["id", "username", "client_id", "scope", "signed_in_at", "last_used_at"], async |window| {
        authorizations::list(&reading(app), &filter, &window).await
    })
    .await
}

async fn end_one(app: &App, id: Uuid) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(authorizations::end(change, id))).await?;
    Ok(ended(1))
}

async fn end_all(app: &App, filter: Filter) -> Result<Report, CliError> {
    let filter = filter.resolve(app).await?;
    let count = change(app, &operator(), |change| Box::pin(authorizations::end_all(change, &filter))).await?;
    Ok(ended(count))
}

fn ended(count: u64) -> Report {
    Report::new(format!("Authorizations ended: {count}."), json!({ "authorizations_ended": count }))
}
