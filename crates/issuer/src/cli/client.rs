//! `signet client`

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::clients::{self, Added, ClientFilter};
use crate::admin::new_client::{ClientDraft, NewClient, Rules};
use crate::admin::registration_tokens::{self, IssuedToken};
use crate::admin::{Refused, change};
use crate::app::App;
use crate::cli::client_metadata::MetadataArgs;
use crate::cli::report::Report;
use crate::cli::{CliError, all, operator};
use crate::clock::{DAY, date};
use crate::oauth::client_auth::NONE;

/// `signet client …`
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; its secret is shown once
    Add(Box<AddArgs>),
    /// List all clients
    List {
        /// Only clients that are enabled (true) or disabled (false)
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
    },
    /// Show one client
    Show {
        /// Client id of the client to show
        id: String,
    },
    /// Give a client a new secret; the current one stays good beside it until the next rotation
    RotateSecret {
        /// Client id of the client whose secret is rotated
        id: String,
        /// End the current secret at once
        #[arg(long)]
        drop_previous: bool,
    },
    /// Refuse a client everything from now on
    Disable {
        /// Client id of the client to disable
        id: String,
    },
    /// Let a disabled client work again
    Enable {
        /// Client id of the client to enable
        id: String,
    },
    /// Remove a client and all authorizations given to it
    Remove {
        /// Client id of the client to remove
        id: String,
    },
    /// Make a token by which a client may register itself; it is shown once
    RegistrationToken {
        /// Number of registrations for which the token is good
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
        uses: i32,
        /// Life of the token, in seconds
        #[arg(long, default_value_t = DAY, value_parser = clap::value_parser!(i64).range(60..=366 * DAY))]
        lifetime: i64,
    },
}

/// `signet client add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Client id of the new client [default: a random one]
    #[arg(long)]
    id: Option<String>,
    /// Name of the client, as people are shown it
    #[arg(long)]
    name: String,
    /// A grant type that the client may use; may be repeated
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// Resource of the client's tokens unless a request names another; also the resource whose tokens it may introspect
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
    /// A scope that the client may ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The client cannot keep a secret, because it runs in a browser or on people's devices
    #[arg(long)]
    public: bool,
    /// A redirect URI of the client; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// An origin whose scripts call the token endpoint; may be repeated [default: the origins of the redirect URIs]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The only method by which the client authenticates: client_secret_basic, client_secret_post or private_key_jwt [default:
    /// any method for which it has a secret or keys]
    #[arg(long, value_name = "METHOD", conflicts_with = "public")]
    auth_method: Option<String>,
    /// The client may leave PKCE out (a public client never may)
    #[arg(long, conflicts_with = "public")]
    no_pkce: bool,
    /// The client is your own, so people are not asked for consent (except by a public client without an https redirect URI, which
    /// any program on their device may pretend to be)
    #[arg(long)]
    first_party: bool,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// Runs it.
pub async fn run(app: &App, command: ClientCommand) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add(app, *args).await,
        ClientCommand::List { enabled } => list(app, ClientFilter { enabled }).await,
        ClientCommand::Show { id } => show(app, &id).await,
        ClientCommand::RotateSecret { id, drop_previous } => rotate_secret(app, &id, drop_previous).await,
        ClientCommand::Disable { id } => set_enabled(app, &id, false).await,
        ClientCommand::Enable { id } => set_enabled(app, &id, true).await,
        ClientCommand::Remove { id } => remove(app, &id).await,
        ClientCommand::RegistrationToken { uses, lifetime } => registration_token(app, uses, lifetime).await,
    }
}

async fn add(app: &App, args: AddArgs) -> Result<Report, CliError> {
    // `--public` says it, so the method of public clients is no value of `--auth-method`.
    if args.auth_method.as_deref() == Some(NONE) {
        let expected = "client_secret_basic, client_secret_post or private_key_jwt";
        return Err(Refused::invalid("token_endpoint_auth_method", expected).into());
    }
    let draft = ClientDraft {
        client_id: args.id,
        client_name: args.name,
        grant_types: args.grants,
        redirect_uris: args.redirect_uris,
        scope: Some(args.scopes),
        token_endpoint_auth_method: args.auth_method,
        default_resource: args.resource,
        origins: args.origins,
        public: args.public,
        require_pkce: !args.no_pkce,
        first_party: args.first_party,
        metadata: args.metadata.into_metadata()?,
    };
    let rules = Rules { self_registered: false, private_addresses: app.settings.fetch_private_addresses };
    let client = NewClient::check(draft, rules)?;
    let logo = clients::fetch_logo(app, &client).await?;
    let added = change(app, &operator(), move |change| Box::pin(clients::add(change, client, logo, None))).await?;
    let Added { client, client_secret } = added;
    Ok(secret_report(&client.client_id, client_secret))
}

fn secret_report(id: &str, secret: Option<String>) -> Report {
    match secret {
        Some(secret) => {
            let text = format!("client_id      {id}\nclient_secret  {secret}\n\nThe secret is not shown again.");
            Report::new(text, json!({ "client_id": id, "client_secret": secret }))
        }
        None => Report::new(format!("client_id  {id}"), json!({ "client_id": id })),
    }
}

async fn registration_token(app: &App, uses: i32, lifetime: i64) -> Result<Report, CliError> {
    let issued = change(app, &operator(), |change| Box::pin(registration_tokens::issue(change, uses, lifetime))).await?;
    let IssuedToken { token, view } = issued;
    let (endpoint, until) = (app.settings.issuer.endpoint("/register"), date(view.expires_at));
    let text = format!("{token}\n\nGood for {uses} registration(s) at {endpoint} until {until}. It is not shown again.");
    Ok(Report::new(text, json!({ "registration_token": token, "registration_endpoint": endpoint, "uses": uses, "expires_at": until })))
}

async fn list(app: &App, filter: ClientFilter) -> Result<Report, CliError> {
    let rows = all(async |window| clients::list(app, filter, &window).await).await?;
    Ok(Report::table(&["client_id", "client_name", "public", "grant_types", "enabled"], rows))
}

async fn show(app: &App, id: &str) -> Result<Report, CliError> {
    let columns = [
        "client_id",
        "client_name",
        "public",
        "grant_types",
        "default_resource",
        "scope",
        "redirect_uris",
        "origins",
        "token_endpoint_auth_method",
        "first_party",
        "require_pkce",
        "registered_itself",
        "metadata",
        "enabled",
        "secrets",
        "created_at",
    ];
    Ok(Report::record(&columns, json!(clients::show(app, id).await?)))
}

async fn rotate_secret(app: &App, id: &str, drop_previous: bool) -> Result<Report, CliError> {
    let secret = change(app, &operator(), |change| Box::pin(clients::rotate_secret(change, id, drop_previous))).await?;
    Ok(secret_report(id, Some(secret)))
}

async fn set_enabled(app: &App, id: &str, enabled: bool) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(clients::set_enabled(change, id, enabled))).await?;
    let done = if enabled { "Enabled" } else { "Disabled" };
    Ok(Report::new(format!("{done} the client {id}."), json!({ "client_id": id, "enabled": enabled })))
}

async fn remove(app: &App, id: &str) -> Result<Report, CliError> {
    let ended = change(app, &operator(), |change| Box::pin(clients::remove(change, id))).await?;
    let text = format!("Removed the client {id}; authorizations ended: {ended}.");
    Ok(Report::new(text, json!({ "client_id": id, "removed": true, "authorizations_ended": ended })))
}
