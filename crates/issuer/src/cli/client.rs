//! `signet client`

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::cli::report::{Report, date};
use crate::cli::resource::require_scopes;
use crate::cli::{CliError, commit_change, refuse};
use crate::grants::Grant;
use crate::oauth::redirect_uri;
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, Resource};
use crate::store::{ConnectionTrait, authorizations};

/// `signet client …`
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; its secret is shown once
    Add(AddArgs),
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
}

/// Runs it.
pub async fn run(app: &App, command: ClientCommand) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add(app, args).await,
        ClientCommand::List => list(app).await,
        ClientCommand::Show { id } => show(app, &id).await,
        ClientCommand::RotateSecret { id, drop_previous } => rotate_secret(app, &id, drop_previous).await,
        ClientCommand::Disable { id } => set_enabled(app, &id, false).await,
        ClientCommand::Enable { id } => set_enabled(app, &id, true).await,
        ClientCommand::Remove { id } => remove(app, &id).await,
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
        if self.name.chars().any(char::is_control) {
            return refuse("name: expected text without control characters");
        }
        if let Some(unknown) = self.grants.iter().find(|grant| Grant::parse(grant).is_none()) {
            let known: Vec<_> = Grant::ALL.iter().map(|grant| grant.name()).collect();
            return refuse(format!("grant {unknown:?}: expected one of {}", known.join(", ")));
        }
        if self.public && self.grants.iter().any(|grant| grant == Grant::ClientCredentials.name()) {
            return refuse("grant client_credentials: it is for clients that can keep a secret, so not with --public");
        }
        self.redirect_uris.iter().try_for_each(|uri| redirect_uri::validate(uri).or_else(|error| refuse(error.to_string())))
    }
}

async fn add(app: &App, mut args: AddArgs) -> Result<Report, CliError> {
    args.check()?;
    for list in [&mut args.scopes, &mut args.grants, &mut args.redirect_uris] {
        let mut seen = Vec::new();
        list.retain(|item| {
            !seen.contains(item) && {
                seen.push(item.clone());
                true
            }
        });
    }
    let id = args.id.unwrap_or_else(|| BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<12>()));
    let secret = (!args.public).then(|| new_secret(app));

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
        secret_hash: secret.as_ref().map(|secret| secret_hash(secret)),
        previous_secret_hash: None,
        created_at: app.now(),
        disabled_at: None,
    };
    clients::insert(&transaction, client, &args.scopes).await?;
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

fn secret_hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
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

fn describe(client: &ClientRow) -> Value {
    let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let secrets = [&client.secret_hash, &client.previous_secret_hash].into_iter().flatten().count();
    json!({
        "client_id": client.id,
        "name": client.name,
        "public": client.public,
        "grants": words(&client.grants),
        "redirect_uris": words(&client.redirect_uris),
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
        described["resource"] = client.default_resource.map(|resource| resource.identifier(&app.settings.issuer)).into();
    }
    let columns = ["client_id", "name", "public", "grants", "resource", "scopes", "redirect_uris", "enabled", "secrets", "created_at"];
    Ok(Report::record(&columns, described))
}

async fn rotate_secret(app: &App, id: &str, drop_previous: bool) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    if find(&transaction, id).await?.public {
        return refuse(format!("the client {id} is public: it has no secret"));
    }
    let secret = new_secret(app);
    clients::rotate_secret(&transaction, id, &secret_hash(&secret), drop_previous).await?;
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
    let ended = authorizations::end_all(&transaction, None, Some(id), app.now()).await?;
    if !clients::remove(&transaction, id).await? {
        return refuse(format!("there is no client {id}"));
    }
    commit_change(app, transaction, "client remove", id).await?;
    Ok(Report::new(
        format!("Removed the client {id}, and ended {ended} sessions."),
        json!({ "client_id": id, "removed": true, "sessions_ended": ended }),
    ))
}
