//! `signet client`

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::cli::client_metadata::{MetadataArgs, fetch_logo};
use crate::cli::report::{Report, date};
use crate::cli::resource::require_scopes;
use crate::cli::{CliError, check_name, commit_change, refuse};
use crate::clock::DAY;
use crate::grants::Grant;
use crate::oauth::client_auth::{BASIC, METHODS, NONE, POST, PRIVATE_KEY_JWT};
use crate::oauth::scope::words;
use crate::oauth::{redirect_uri, secret};
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, Resource};
use crate::store::{ConnectionTrait, authorizations, registration};

/// `signet client …`
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; its secret is shown once
    Add(Box<AddArgs>),
    /// List all clients
    List,
    /// Show one client
    Show {
        /// Which
        id: String,
    },
    /// Give a client a new secret; the current one stays good beside it until the next rotation
    RotateSecret {
        /// Which
        id: String,
        /// End the current secret at once
        #[arg(long)]
        drop_previous: bool,
    },
    /// Refuse a client everything from now on
    Disable {
        /// Which
        id: String,
    },
    /// Let a disabled client work again
    Enable {
        /// Which
        id: String,
    },
    /// Remove a client and all authorizations given to it
    Remove {
        /// Which
        id: String,
    },
    /// Make a token by which a client may register itself; it is shown once
    RegistrationToken {
        /// How often it may be used
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
        uses: i32,
        /// How long it is good, in seconds
        #[arg(long, default_value_t = DAY, value_parser = clap::value_parser!(i64).range(60..=366 * DAY))]
        lifetime: i64,
    },
}

/// `signet client add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Its client_id [default: a random one]
    #[arg(long)]
    id: Option<String>,
    /// Its name, shown to people
    #[arg(long)]
    name: String,
    /// A grant type that it may use; may be repeated
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// Its default resource: what its tokens are for unless a request names another, and what it may introspect
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
    /// A scope that it may ask for; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// It cannot keep a secret (a browser or native app)
    #[arg(long)]
    public: bool,
    /// A redirect URI; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// An origin whose scripts call the token endpoint; may be repeated [default: those of the redirect URIs]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The one way by which it authenticates: client_secret_basic, client_secret_post or private_key_jwt [default: any that
    /// it has a secret or keys for]
    #[arg(long, value_name = "METHOD", conflicts_with = "public")]
    auth_method: Option<String>,
    /// It may leave PKCE out (never a public client)
    #[arg(long, conflicts_with = "public")]
    no_pkce: bool,
    /// It is your own: people are not asked for consent (but by a public client without an https redirect URI, which any
    /// program on their device may pose as)
    #[arg(long)]
    first_party: bool,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// Runs it.
pub async fn run(app: &App, command: ClientCommand) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add(app, *args).await,
        ClientCommand::List => list(app).await,
        ClientCommand::Show { id } => show(app, &id).await,
        ClientCommand::RotateSecret { id, drop_previous } => rotate_secret(app, &id, drop_previous).await,
        ClientCommand::Disable { id } => set_enabled(app, &id, false).await,
        ClientCommand::Enable { id } => set_enabled(app, &id, true).await,
        ClientCommand::Remove { id } => remove(app, &id).await,
        ClientCommand::RegistrationToken { uses, lifetime } => registration_token(app, uses, lifetime).await,
    }
}

/// The client `id`, or an error that says there is none.
pub async fn find(db: &impl ConnectionTrait, id: &str) -> Result<ClientRow, CliError> {
    match clients::row(db, id).await? {
        Some(client) => Ok(client),
        None => refuse(format!("there is no client {id}")),
    }
}

impl AddArgs {
    fn check(&self) -> Result<(), CliError> {
        if let Some(id) = &self.id {
            let plain = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
            // A service account's `sub` is its client id; it must never look like a user's.
            if !plain || Uuid::try_parse(id).is_ok() {
                return refuse("id: expected 1 to 128 of the characters a-z A-Z 0-9 - . _ ~, and not a UUID");
            }
        }
        check_name(&self.name)?;
        if let Some(unknown) = self.grants.iter().find(|grant| Grant::parse(grant).is_none()) {
            let known: Vec<_> = Grant::ALL.iter().map(|grant| grant.name()).collect();
            return refuse(format!("grant {unknown:?}: expected one of {}", known.join(", ")));
        }
        if self.public && self.grants.iter().any(|grant| grant == Grant::ClientCredentials.name()) {
            return refuse("grant client_credentials: it is for clients that can keep a secret, so not with --public");
        }
        if self.grants.iter().any(|grant| grant == Grant::AuthorizationCode.name()) && self.redirect_uris.is_empty() {
            return refuse("redirect-uri: expected one at least for the grant authorization_code");
        }
        if self.auth_method.as_ref().is_some_and(|method| method == NONE || !METHODS.contains(&method.as_str())) {
            return refuse(format!("auth-method: expected {BASIC}, {POST} or {PRIVATE_KEY_JWT}"));
        }
        let is_origin = |origin: &String| redirect_uri::origin(origin).as_ref() == Some(origin);
        if !self.origins.iter().all(is_origin) {
            return refuse("origin: expected scheme, host and port alone, such as https://app.example.com");
        }
        Ok(())
    }
}

async fn add(app: &App, mut args: AddArgs) -> Result<Report, CliError> {
    args.check()?;
    let metadata = args.metadata.into_metadata(app)?;
    for uri in &args.redirect_uris {
        redirect_uri::validate(uri, metadata.application_type).or_else(|error| refuse(error.to_string()))?;
    }
    let uses_keys = args.auth_method.as_deref() == Some(PRIVATE_KEY_JWT);
    if uses_keys && metadata.jwks.is_none() && metadata.jwks_uri.is_none() {
        return refuse("auth-method private_key_jwt: expected --jwks-uri or --jwks-file");
    }
    let logo = fetch_logo(app, &metadata).await?;
    for list in [&mut args.scopes, &mut args.grants, &mut args.redirect_uris] {
        let mut seen = Vec::new();
        list.retain(|item| {
            !seen.contains(item) && {
                seen.push(item.clone());
                true
            }
        });
    }
    let id = args.id.unwrap_or_else(|| app.clock.random_id::<12>());
    let secret = (!args.public && !uses_keys).then(|| new_secret(app));
    let origins = if args.origins.is_empty() {
        args.redirect_uris.iter().filter_map(|uri| redirect_uri::origin(uri)).collect()
    } else {
        args.origins
    };

    let transaction = app.store.begin().await?;
    if clients::row(&transaction, &id).await?.is_some() {
        return refuse(format!("there is a client {id} already"));
    }
    require_scopes(&transaction, &args.scopes).await?;
    let default_resource = match &args.resource {
        Some(identifier) => Some(find_resource(app, &transaction, identifier).await?.id),
        None => None,
    };
    let client = ClientRow {
        id: id.clone(),
        name: args.name,
        public: args.public,
        grants: args.grants.join(" "),
        redirect_uris: args.redirect_uris.join(" "),
        default_resource,
        secret_hash: secret.as_deref().map(secret::hash),
        previous_secret_hash: None,
        created_at: app.now(),
        disabled_at: None,
        auth_method: args.auth_method,
        require_pkce: !args.no_pkce,
        first_party: args.first_party,
        metadata: metadata.to_json(),
        registration_token_hash: None,
    };
    clients::insert(&transaction, client, &args.scopes, &origins).await?;
    if let Some(logo) = logo {
        clients::set_logo(&transaction, &id, logo.media_type, logo.image).await?;
    }
    commit_change(app, transaction, "client add", &id).await?;
    Ok(secret_report(&id, secret))
}

async fn find_resource(app: &App, db: &impl ConnectionTrait, identifier: &str) -> Result<Resource, CliError> {
    match resources::by_identifier(db, identifier, &app.settings.issuer).await? {
        Some(resource) => Ok(resource),
        None => refuse(format!("there is no resource {identifier}; `signet resource list` shows all")),
    }
}

fn new_secret(app: &App) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>())
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
    let token = new_secret(app);
    let transaction = app.store.begin().await?;
    registration::insert_token(&transaction, &secret::key(&token), uses, app.now() + lifetime).await?;
    commit_change(app, transaction, "client registration-token", "").await?;
    let (endpoint, until) = (app.settings.issuer.endpoint("/register"), date(app.now() + lifetime));
    let text = format!("{token}\n\nGood for {uses} registration(s) at {endpoint} until {until}. It is not shown again.");
    Ok(Report::new(text, json!({ "registration_token": token, "registration_endpoint": endpoint, "uses": uses, "expires_at": until })))
}

fn describe(client: &ClientRow) -> Value {
    let list = |text| words(text).collect::<Vec<_>>();
    let secrets = [&client.secret_hash, &client.previous_secret_hash].into_iter().flatten().count();
    json!({
        "client_id": client.id,
        "name": client.name,
        "public": client.public,
        "grants": list(&client.grants),
        "redirect_uris": list(&client.redirect_uris),
        "first_party": client.first_party,
        "require_pkce": client.public || client.require_pkce,
        "registered_itself": client.registration_token_hash.is_some(),
        "enabled": client.disabled_at.is_none(),
        "secrets": secrets,
        "created_at": date(client.created_at),
    })
}

async fn list(app: &App) -> Result<Report, CliError> {
    let rows = clients::all(app.store.reader()).await?;
    Ok(Report::table(&["client_id", "name", "public", "grants", "enabled"], rows.iter().map(describe).collect()))
}

async fn show(app: &App, id: &str) -> Result<Report, CliError> {
    let mut described = describe(&find(app.store.reader(), id).await?);
    if let Some(client) = app.store.client(id).await? {
        described["scopes"] = client.scopes.iter().map(|scope| scope.name.as_str()).collect();
        described["metadata"] = serde_json::to_value(client.metadata()?).unwrap_or_default();
        described["origins"] = clients::origins(app.store.reader(), id).await?.into();
        described["resource"] = client.default_resource.map(|resource| resource.identifier(&app.settings.issuer)).into();
    }
    let columns = [
        "client_id",
        "name",
        "public",
        "grants",
        "resource",
        "scopes",
        "redirect_uris",
        "origins",
        "first_party",
        "require_pkce",
        "registered_itself",
        "metadata",
        "enabled",
        "secrets",
        "created_at",
    ];
    Ok(Report::record(&columns, described))
}

async fn rotate_secret(app: &App, id: &str, drop_previous: bool) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    let client = find(&transaction, id).await?;
    if client.public {
        return refuse(format!("the client {id} is public: it has no secret"));
    }
    if client.auth_method.as_deref() == Some(PRIVATE_KEY_JWT) {
        return refuse(format!("the client {id} authenticates by {PRIVATE_KEY_JWT}: it has no secret"));
    }
    let secret = new_secret(app);
    clients::rotate_secret(&transaction, id, &secret::hash(&secret), drop_previous).await?;
    commit_change(app, transaction, "client rotate-secret", id).await?;
    Ok(secret_report(id, Some(secret)))
}

async fn set_enabled(app: &App, id: &str, enabled: bool) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    if !clients::set_disabled(&transaction, id, (!enabled).then(|| app.now())).await? {
        return refuse(format!("there is no client {id}"));
    }
    let action = if enabled { "client enable" } else { "client disable" };
    commit_change(app, transaction, action, id).await?;
    Ok(Report::new(
        format!("{} the client {id}.", if enabled { "Enabled" } else { "Disabled" }),
        json!({ "client_id": id, "enabled": enabled }),
    ))
}

async fn remove(app: &App, id: &str) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    if !clients::hold(&transaction, id).await? {
        return refuse(format!("there is no client {id}"));
    }
    let ended = authorizations::end_all(&transaction, None, Some(id), app.now()).await?;
    clients::remove(&transaction, id).await?;
    commit_change(app, transaction, "client remove", id).await?;
    Ok(Report::new(
        format!("Removed the client {id}; authorizations ended: {ended}."),
        json!({ "client_id": id, "removed": true, "authorizations_ended": ended }),
    ))
}
