//! `signet resource`: adds, lists, changes and removes resources.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::admin::edit_resource::{self, ResourcePatch, ScopesPatch};
use crate::admin::resources::{self, ResourceDraft, ResourceView, ScopeView};
use crate::admin::{change, preview};
use crate::app::App;
use crate::cli::preview::{Care, changes, remove};
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, Removable, all, operator, parse_choice, parse_removable, reading};
use crate::clock::UnixSeconds;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::token_claim::TokenClaim;

/// The subcommands of `signet resource`.
#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// Add a resource (a service that accepts tokens) with the scopes that it owns
    Add {
        /// Identifier of the resource: an absolute URI without a fragment, which becomes the `aud` of its tokens
        identifier: String,
        /// Name of the resource, as pages show it to people
        #[arg(long)]
        name: String,
        /// Scope that the resource owns, with the description that the consent page shows; may be repeated
        #[arg(long = "scope", value_name = "NAME=DESCRIPTION")]
        scopes: Vec<String>,
        /// Lifetime of the resource's access tokens in seconds, 1 to 3600 [default: the setting access_token_lifetime]
        #[arg(long, value_name = "SECONDS")]
        token_lifetime: Option<UnixSeconds>,
        /// Let any client ask for the resource's scopes on behalf of a person, even if the client was not registered for them, as MCP
        /// clients are; the person's roles must still allow the scopes
        #[arg(long)]
        open: bool,
        /// The typ in the header of the resource's access tokens: at+jwt, or JWT for services whose libraries refuse at+jwt, such as those
        /// that use the defaults of Spring
        #[arg(long, value_name = "TYP", value_parser = parse_typ, default_value = "at+jwt")]
        access_token_typ: AccessTokenTyp,
        /// What the access tokens tell of the user beside the scopes: groups, roles, both with a comma between, or none
        #[arg(long, value_name = "CLAIMS", value_parser = parse_token_claims, default_value = "none")]
        token_claims: TokenClaims,
        /// Tell only groups whose names begin with this text
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        group_prefix: String,
    },
    /// Change a resource; what no option names stays as it is
    Edit {
        /// Identifier of the resource to change
        identifier: String,
        /// Let any client ask for the resource's scopes on behalf of a person (true), or only clients that are registered for them (false)
        #[arg(long, value_name = "BOOL")]
        open: Option<bool>,
        /// The typ in the header of the resource's access tokens: at+jwt, or JWT for services whose libraries refuse at+jwt
        #[arg(long, value_name = "TYP", value_parser = parse_typ)]
        access_token_typ: Option<AccessTokenTyp>,
        /// Name of the resource, as pages show it to people
        #[arg(long)]
        name: Option<String>,
        /// Scope that the resource owns from now on, with the description that the consent page shows; one that it owns already gets the
        /// description; may be repeated
        #[arg(long = "add-scope", value_name = "NAME=DESCRIPTION")]
        add_scopes: Vec<String>,
        /// Scope to remove; roles, clients and people lose it; may be repeated
        #[arg(long = "remove-scope", value_name = "NAME")]
        remove_scopes: Vec<String>,
        /// Lifetime of the resource's access tokens in seconds, 1 to 3600; '' for the setting access_token_lifetime
        #[arg(long, value_name = "SECONDS", value_parser = parse_removable)]
        token_lifetime: Option<Removable>,
        /// What the access tokens tell of the user beside the scopes: groups, roles, both with a comma between, or none
        #[arg(long, value_name = "CLAIMS", value_parser = parse_token_claims)]
        token_claims: Option<TokenClaims>,
        /// Tell only groups whose names begin with this text
        #[arg(long, value_name = "TEXT")]
        group_prefix: Option<String>,
        /// Only print what would change, and which roles, clients and people would lose what
        #[arg(long)]
        dry_run: bool,
    },
    /// List all resources with their scopes
    List,
    /// Show one resource with its scopes
    Show {
        /// Identifier of the resource to show
        identifier: String,
    },
    /// Remove a resource and its scopes, which roles and clients then lose
    Remove {
        /// Identifier of the resource to remove
        identifier: String,
        #[command(flatten)]
        care: Care,
    },
}

/// The arguments of `signet resource add`.
const ADD: Arguments<'_> =
    &[("identifier", "IDENTIFIER"), ("name", "--name"), ("scopes", "--scope"), ("token_lifetime", "--token-lifetime")];

/// The arguments of `signet resource edit`.
const EDIT: Arguments<'_> = &[
    ("name", "--name"),
    ("scopes", "--add-scope or --remove-scope"),
    ("token_lifetime", "--token-lifetime"),
    ("group_prefix", "--group-prefix"),
];

/// The value of `--token-claims`.
#[derive(Debug, Clone)]
pub struct TokenClaims(Vec<TokenClaim>);

/// Parses the value of `--token-claims`.
fn parse_token_claims(text: &str) -> Result<TokenClaims, String> {
    if text == "none" {
        return Ok(TokenClaims(Vec::new()));
    }
    let claims =
        text.split(',').map(|name| TokenClaim::parse(name).ok_or_else(|| "expected groups, roles, groups,roles or none".to_owned()));
    claims.collect::<Result<_, _>>().map(TokenClaims)
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: ResourceCommand) -> Result<Report, CliError> {
    match command {
        ResourceCommand::Add { identifier, name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix } => {
            let scopes = scopes.iter().map(|scope| parse_scope(scope)).collect();
            let token_claims = token_claims.0;
            let draft = ResourceDraft { identifier, name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix };
            add(app, draft).await.map_err(|error| error.in_terms_of(ADD))
        }
        ResourceCommand::Edit {
            identifier,
            open,
            access_token_typ,
            name,
            add_scopes,
            remove_scopes,
            token_lifetime,
            token_claims,
            group_prefix,
            dry_run: only_shows,
        } => {
            let (token_claims, token_lifetime) = (token_claims.map(|claims| claims.0), token_lifetime.map(|lifetime| lifetime.0));
            let put = add_scopes.iter().map(|scope| parse_scope(scope)).collect();
            let scopes = (!add_scopes.is_empty() || !remove_scopes.is_empty()).then_some(ScopesPatch::Some { put, remove: remove_scopes });
            let patch = ResourcePatch { name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix };
            let report = if only_shows { try_edit(app, &identifier, patch).await } else { edit(app, &identifier, patch).await };
            report.map_err(|error| error.in_terms_of(EDIT))
        }
        ResourceCommand::List => list(app).await,
        ResourceCommand::Show { identifier } => Ok(record(&resources::show(&reading(app), &identifier).await?)),
        ResourceCommand::Remove { identifier, care } => {
            let subject = edit_resource::subject_of_removal(&resources::show(&reading(app), &identifier).await?);
            let report =
                |_| Report::new(format!("Removed the resource {identifier}."), json!({ "identifier": identifier, "removed": true }));
            let what = format!("the resource {identifier}");
            remove(app, care, &subject, &what, |change| Box::pin(resources::remove(change, &identifier)), report).await
        }
    }
}

/// Parses a scope that was given as `NAME=DESCRIPTION`.
fn parse_scope(text: &str) -> ScopeView {
    let (name, description) = text.split_once('=').unwrap_or((text, ""));
    ScopeView { name: name.to_owned(), description: description.to_owned() }
}

/// Parses the value of `--access-token-typ`.
fn parse_typ(text: &str) -> Result<AccessTokenTyp, String> {
    parse_choice(text, &AccessTokenTyp::ALL, AccessTokenTyp::as_str)
}

async fn add(app: &App, draft: ResourceDraft) -> Result<Report, CliError> {
    let resource = resources::check(&reading(app), draft).await?;
    let added = change(app, &operator(), move |change| Box::pin(resources::add(change, resource))).await?;
    let names: Vec<&str> = added.scopes.iter().map(|scope| scope.name.as_str()).collect();
    let json = json!({ "identifier": added.identifier, "name": added.name, "scopes": names });
    Ok(Report::new(format!("Added the resource {}.", added.identifier), json))
}

async fn edit(app: &App, identifier: &str, patch: ResourcePatch) -> Result<Report, CliError> {
    let after = change(app, &operator(), |change| Box::pin(edit_resource::edit(change, identifier, patch))).await?;
    Ok(record(&after))
}

/// Reports one resource.
fn record(resource: &ResourceView) -> Report {
    let columns = ["identifier", "name", "scopes", "token_lifetime", "open", "access_token_typ", "token_claims", "group_prefix"];
    Report::record(&columns, with_words(resource)).with_json(json!(resource))
}

/// Reports what `edit` would do.
async fn try_edit(app: &App, identifier: &str, patch: ResourcePatch) -> Result<Report, CliError> {
    let before = resources::show(&reading(app), identifier).await?;
    let (actor, subject) = (operator(), patch.subject(&before));
    let work = preview::run(app, &actor, &subject, |change| Box::pin(edit_resource::edit(change, identifier, patch)));
    let (after, preview) = work.await?;
    Ok(changes("resource", (&with_words(&before), &with_words(&after)), None, &preview))
}

/// Returns the resource with its scopes in one line, each as it is typed, `NAME=DESCRIPTION`.
fn with_words(resource: &ResourceView) -> Value {
    let mut json = json!(resource);
    let scopes: Vec<String> = resource.scopes.iter().map(|ScopeView { name, description }| format!("{name}={description}")).collect();
    json["scopes"] = scopes.join(", ").into();
    json
}

async fn list(app: &App) -> Result<Report, CliError> {
    let mut rows = all(async |window| resources::list(&reading(app), &window).await).await?;
    for row in &mut rows {
        row["scopes"] = row["scopes"].as_array().into_iter().flatten().map(|scope| scope["name"].clone()).collect();
    }
    Ok(Report::table(&["identifier", "name", "token_lifetime", "open", "access_token_typ", "scopes"], rows))
}
