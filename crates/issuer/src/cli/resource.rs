//! `signet resource`

use clap::Subcommand;
use serde_json::json;
use signet_verifier::is_scope_token;
use url::Url;

use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{CliError, check_name, commit_change, refuse};
use crate::clock::UnixSeconds;
use crate::config::MAX_TOKEN_LIFETIME;
use crate::oauth::client_metadata::is_plain_text;
use crate::store::ConnectionTrait;
use crate::store::resources::{self, ResourceRow, ScopeRow};

/// The longest identifier, in bytes: it stands in every token.
const MAX_IDENTIFIER: usize = 255;

/// `signet resource …`
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// Add a resource with the scopes that it owns
    Add {
        /// Its identifier, an absolute URI: the `aud` of its tokens
        identifier: String,
        /// Its name, shown to people
        #[arg(long)]
        name: String,
        /// A scope that it owns, as name=description; may be repeated
        #[arg(long = "scope", value_name = "NAME=DESCRIPTION")]
        scopes: Vec<String>,
        /// Life of its access tokens, in seconds [default: access_token_lifetime]
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<UnixSeconds>,
    },
    /// List all resources with their scopes
    List,
    /// Remove a resource and its scopes, from roles and clients too
    Remove {
        /// Its identifier
        identifier: String,
    },
}

/// Runs it.
pub async fn run(app: &App, command: ResourceCommand) -> Result<Report, CliError> {
    match command {
        ResourceCommand::Add { identifier, name, scopes, token_lifetime } => add(app, &identifier, &name, &scopes, token_lifetime).await,
        ResourceCommand::List => list(app).await,
        ResourceCommand::Remove { identifier } => remove(app, &identifier).await,
    }
}

/// Refuses unless every one of `names` is a scope here.
pub async fn require_scopes(db: &impl ConnectionTrait, names: &[String]) -> Result<(), CliError> {
    let known = resources::known_scopes(db, names).await?;
    match names.iter().find(|name| !known.iter().any(|scope| scope.name == **name)) {
        Some(unknown) => refuse(format!("there is no scope {unknown}; `signet resource list` shows all")),
        None => Ok(()),
    }
}

/// What is wrong where `identifier` is both the issuer's own and a registered resource's.
pub fn is_a_resource(identifier: &str) -> String {
    format!("{identifier} is registered as a resource; expected a name of its own, or `signet resource remove {identifier}` first")
}

async fn add(app: &App, identifier: &str, name: &str, scopes: &[String], token_lifetime: Option<UnixSeconds>) -> Result<Report, CliError> {
    let is_plain = identifier.len() <= MAX_IDENTIFIER && identifier.bytes().all(|byte| byte.is_ascii_graphic());
    if Url::parse(identifier).is_err() || identifier.contains('#') || !is_plain {
        return refuse(format!(
            "resource: expected an absolute URI without fragment, such as https://orders.example, of at most {MAX_IDENTIFIER} bytes"
        ));
    }
    check_name(name)?;
    if token_lifetime.is_some_and(|seconds| !(1..=MAX_TOKEN_LIFETIME).contains(&seconds)) {
        return refuse(format!("token-lifetime: expected 1 to {MAX_TOKEN_LIFETIME} seconds"));
    }
    let id = app.clock.random_uuid().to_string();
    let scopes = scopes.iter().map(|scope| parse_scope(scope, &id)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = scopes.iter().map(|scope| scope.name.clone()).collect();
    if let Some(twice) = names.iter().enumerate().find_map(|(index, name)| names[..index].contains(name).then_some(name)) {
        return refuse(format!("the scope {twice} stands twice"));
    }

    let transaction = app.store.begin().await?;
    if resources::by_identifier(&transaction, identifier, &app.settings.issuer).await?.is_some() {
        return refuse(format!("there is a resource {identifier} already"));
    }
    if let Some(taken) = resources::known_scopes(&transaction, &names).await?.first() {
        return refuse(format!("the scope {} belongs to another resource already", taken.name));
    }
    let resource =
        ResourceRow { id, identifier: Some(identifier.to_owned()), name: name.to_owned(), token_lifetime, created_at: app.now() };
    resources::insert(&transaction, resource, scopes).await?;
    commit_change(app, transaction, "resource add", identifier).await?;
    Ok(Report::new(format!("Added the resource {identifier}."), json!({ "identifier": identifier, "name": name, "scopes": names })))
}

fn parse_scope(text: &str, resource_id: &str) -> Result<ScopeRow, CliError> {
    let (name, description) = text.split_once('=').unwrap_or((text, ""));
    if !is_scope_token(name) || name.len() > 128 {
        return refuse(format!("scope {name:?}: expected printable characters without spaces and quotes, as name=description"));
    }
    let description = if description.is_empty() { name } else { description };
    if !is_plain_text(description) {
        return refuse(format!("scope {name}: expected a description without control characters"));
    }
    Ok(ScopeRow { name: name.to_owned(), resource_id: resource_id.to_owned(), description: description.to_owned() })
}

async fn list(app: &App) -> Result<Report, CliError> {
    let scopes = resources::scopes(app.store.reader()).await?;
    let rows = resources::all(app.store.reader()).await?.into_iter().map(|resource| {
        let own: Vec<&str> = scopes.iter().filter(|scope| scope.resource_id == resource.id).map(|scope| scope.name.as_str()).collect();
        json!({
            "identifier": resources::identifier(&resource.id, resource.identifier.as_deref(), &app.settings.issuer),
            "name": resource.name,
            "scopes": own,
            "token_lifetime": resource.token_lifetime.unwrap_or(app.settings.access_token_lifetime),
        })
    });
    Ok(Report::table(&["identifier", "name", "token_lifetime", "scopes"], rows.collect()))
}

async fn remove(app: &App, identifier: &str) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    // One that was registered before the issuer took its name comes before the issuer.
    let removed = match resources::registered(&transaction, identifier).await? {
        Some(resource) => resources::remove(&transaction, &resource.id).await?,
        None if resources::by_identifier(&transaction, identifier, &app.settings.issuer).await?.is_some() => {
            return refuse(format!("the resource {identifier} is built in"));
        }
        None => false,
    };
    if !removed {
        return refuse(format!("there is no resource {identifier}"));
    }
    commit_change(app, transaction, "resource remove", identifier).await?;
    Ok(Report::new(format!("Removed the resource {identifier}."), json!({ "identifier": identifier, "removed": true })))
}
