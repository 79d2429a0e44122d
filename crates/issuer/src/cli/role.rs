//! `signet role`

use clap::Subcommand;
use serde_json::json;
use signet_verifier::is_scope_token;

use crate::app::App;
use crate::cli::report::Report;
use crate::cli::resource::require_scopes;
use crate::cli::{CliError, commit_change, refuse};
use crate::start::ADMIN;
use crate::store::roles;

/// `signet role …`
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Add a role
    Add {
        /// Its name
        name: String,
        /// A scope that its users may hold; may be repeated
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// List all roles with their scopes
    List,
    /// Remove a role, from its users too
    Remove {
        /// Its name
        name: String,
    },
}

/// Runs it.
pub async fn run(app: &App, command: RoleCommand) -> Result<Report, CliError> {
    match command {
        RoleCommand::Add { name, scopes } => add(app, &name, scopes).await,
        RoleCommand::List => list(app).await,
        RoleCommand::Remove { name } => remove(app, &name).await,
    }
}

async fn add(app: &App, name: &str, mut scopes: Vec<String>) -> Result<Report, CliError> {
    if !is_scope_token(name) || name.len() > 128 {
        return refuse("role: expected a name of printable characters without spaces");
    }
    scopes.sort();
    scopes.dedup();
    let transaction = app.store.begin().await?;
    if roles::exists(&transaction, name).await? {
        return refuse(format!("there is a role {name} already"));
    }
    require_scopes(&transaction, &scopes).await?;
    roles::insert(&transaction, name, &scopes, app.now()).await?;
    commit_change(app, transaction, "role add", name).await?;
    Ok(Report::new(format!("Added the role {name}."), json!({ "name": name, "scopes": scopes })))
}

async fn list(app: &App) -> Result<Report, CliError> {
    let mut rows = Vec::new();
    for name in roles::all(app.store.reader()).await? {
        rows.push(json!({ "name": name, "scopes": roles::scopes(app.store.reader(), &name).await? }));
    }
    Ok(Report::table(&["name", "scopes"], rows))
}

async fn remove(app: &App, name: &str) -> Result<Report, CliError> {
    if name == ADMIN {
        return refuse("the role admin is built in: without it nobody could administer");
    }
    let transaction = app.store.begin().await?;
    if !roles::remove(&transaction, name).await? {
        return refuse(format!("there is no role {name}"));
    }
    commit_change(app, transaction, "role remove", name).await?;
    Ok(Report::new(format!("Removed the role {name}."), json!({ "name": name, "removed": true })))
}
