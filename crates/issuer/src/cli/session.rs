//! `signet session`: the live authorizations of users, by which their clients get tokens. A user's sign-ins in browsers
//! end with them.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::session;
use crate::app::App;
use crate::audit::{self, Event};
use crate::cli::report::{Report, date};
use crate::cli::{CliError, client, commit_change, refuse, user};
use crate::store::{authorizations, codes};

/// `signet session …`
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List live authorizations
    List(Filter),
    /// End one authorization, or all of a user and/or client; of a user alone their browsers are signed out too
    #[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "user", "client"]))]
    End {
        /// Which one, as `list` shows it
        #[arg(conflicts_with_all = ["user", "client"])]
        id: Option<Uuid>,
        #[command(flatten)]
        filter: Filter,
    },
}

/// Whose authorizations.
#[derive(Debug, Args)]
pub struct Filter {
    /// Those of this user
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Those through this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
}

/// Runs it.
pub async fn run(app: &App, command: SessionCommand) -> Result<Report, CliError> {
    match command {
        SessionCommand::List(filter) => list(app, filter).await,
        SessionCommand::End { id: Some(id), .. } => end_one(app, id).await,
        SessionCommand::End { id: None, filter } => end_all(app, filter).await,
    }
}

impl Filter {
    async fn resolve(&self, app: &App) -> Result<(Option<Uuid>, Option<&str>), CliError> {
        let user = match &self.user {
            Some(username) => Some(user::find(app.store.reader(), username).await?.id),
            None => None,
        };
        if let Some(id) = &self.client {
            client::find(app.store.reader(), id).await?;
        }
        Ok((user, self.client.as_deref()))
    }
}

async fn list(app: &App, filter: Filter) -> Result<Report, CliError> {
    let (user, client) = filter.resolve(app).await?;
    let rows = authorizations::live(app.store.reader(), user, client, app.now(), app.settings.refresh_idle_lifetime).await?;
    let rows = rows.into_iter().map(|(row, username)| {
        json!({
            "id": row.id,
            "username": username,
            "client_id": row.client_id,
            "scope": row.scope,
            "signed_in_at": date(row.auth_time),
            "last_used_at": date(row.refreshed_at),
            "expires_at": date(row.expires_at),
        })
    });
    Ok(Report::table(&["id", "username", "client_id", "scope", "signed_in_at", "last_used_at"], rows.collect()))
}

async fn end_one(app: &App, id: Uuid) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    if !authorizations::end(&transaction, id, app.now()).await? {
        return refuse(format!("there is no live authorization {id}; `signet session list` shows all"));
    }
    commit_change(app, transaction, "session end", &id.to_string()).await?;
    Ok(Report::new("Authorizations ended: 1.", json!({ "authorizations_ended": 1 })))
}

async fn end_all(app: &App, filter: Filter) -> Result<Report, CliError> {
    let (user, client) = filter.resolve(app).await?;
    let now = app.now();
    let transaction = app.store.begin().await?;
    // A browser that stayed signed in could give the client others at once.
    let count = if let (Some(user), None) = (user, client) {
        session::end_all(&transaction, user, "session end", now).await?
    } else {
        codes::withdraw(&transaction, user, client).await?;
        let count = authorizations::end_all(&transaction, user, client, now).await?;
        audit::record(&transaction, now, Event::AuthorizationsEnded { user, client, count }).await?;
        count
    };
    commit_change(app, transaction, "session end", "").await?;
    Ok(Report::new(format!("Authorizations ended: {count}."), json!({ "authorizations_ended": count })))
}
