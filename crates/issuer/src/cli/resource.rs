//! `signet resource`

use clap::Subcommand;
use serde_json::json;

use crate::admin::change;
use crate::admin::resources::{self, NewResource, ResourceDraft, ScopeView};
use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{CliError, all, operator};
use crate::clock::UnixSeconds;

/// `signet resource …`
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// Add a resource with the scopes that it owns
    Add {
        /// Identifier of the new resource, an absolute URI: the `aud` of its tokens
        identifier: String,
        /// Name of the resource, as people are shown it
        #[arg(long)]
        name: String,
        /// A scope that the resource owns, with its description for the consent page; may be repeated
        #[arg(long = "scope", value_name = "NAME=DESCRIPTION")]
        scopes: Vec<String>,
        /// Life of the resource's access tokens, in seconds, at most 3600 [default: the setting access_token_lifetime]
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<UnixSeconds>,
    },
    /// List all resources with their scopes
    List,
    /// Remove a resource and its scopes, from roles and clients too
    Remove {
        /// Identifier of the resource to remove
        identifier: String,
    },
}

/// Runs it.
pub async fn run(app: &App, command: ResourceCommand) -> Result<Report, CliError> {
    match command {
        ResourceCommand::Add { identifier, name, scopes, token_lifetime } => {
            let scopes = scopes.iter().map(|scope| parse_scope(scope)).collect();
            add(app, ResourceDraft { identifier, name, scopes, token_lifetime }).await
        }
        ResourceCommand::List => list(app).await,
        ResourceCommand::Remove { identifier } => remove(app, &identifier).await,
    }
}

/// Reads `NAME=DESCRIPTION`; the name serves as the description where there is none.
fn parse_scope(text: &str) -> ScopeView {
    let (name, description) = text.split_once('=').unwrap_or((text, ""));
    let description = if description.is_empty() { name } else { description };
    ScopeView { name: name.to_owned(), description: description.to_owned() }
}

async fn add(app: &App, draft: ResourceDraft) -> Result<Report, CliError> {
    let resource = NewResource::check(draft)?;
    let added = change(app, &operator(), move |change| Box::pin(resources::add(change, resource))).await?;
    let names: Vec<&str> = added.scopes.iter().map(|scope| scope.name.as_str()).collect();
    let json = json!({ "identifier": added.identifier, "name": added.name, "scopes": names });
    Ok(Report::new(format!("Added the resource {}.", added.identifier), json))
}

async fn list(app: &App) -> Result<Report, CliError> {
    let mut rows = all(async |window| resources::list(app, &window).await).await?;
    for row in &mut rows {
        row["scopes"] = row["scopes"].as_array().into_iter().flatten().map(|scope| scope["name"].clone()).collect();
    }
    Ok(Report::table(&["identifier", "name", "token_lifetime", "scopes"], rows))
}

async fn remove(app: &App, identifier: &str) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(resources::remove(change, identifier))).await?;
    Ok(Report::new(format!("Removed the resource {identifier}."), json!({ "identifier": identifier, "removed": true })))
}
