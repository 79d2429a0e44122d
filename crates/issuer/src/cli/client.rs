//! `signet client`: adds, lists, changes and removes clients.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::change;
use crate::admin::clients::{self, Added, ClientFilter, OldSecret};
use crate::admin::new_client::{ClientDraft, NewClient, Rules};
use crate::admin::presets;
use crate::admin::registration_tokens::{self, IssuedToken, LIFETIME, NewRegistrationToken, USES};
use crate::admin::review::{self, ReviewView};
use crate::app::App;
use crate::cli::client_claim::{self, ClaimCommand, TryArgs};
use crate::cli::client_metadata::MetadataArgs;
use crate::cli::client_stream::{self, StreamCommand};
use crate::cli::client_values::{parse_access, parse_duration, parse_pkce, secret_report, with_lines};
use crate::cli::edit_client::{self, EditArgs};
use crate::cli::pages::{stream, stream_csv};
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, operator, reading, rows_of};
use crate::clock::{DAY, UnixSeconds, date};
use crate::fetch::budget::Asker;
use crate::oauth::access::Access;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::pkce::Pkce;

/// The subcommands of `signet client`.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Add a client; its client id and its secret are shown, the secret only this once
    Add(Box<AddArgs>),
    /// List the presets for `signet client add --preset`
    Presets,
    /// List the clients, by client id
    List {
        /// Only clients that are enabled (true) or disabled (false) [default: both]
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
        /// Only clients that registered themselves (true) or that an administrator added (false) [default: both]
        #[arg(long, value_name = "BOOL")]
        registered: Option<bool>,
        /// Only clients whose client id and name have a word for each of these words, which is its beginning
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
    },
    /// Change a client; everything can be changed but its client id
    Edit(Box<EditArgs>),
    /// Show the settings and metadata of one client
    Show {
        /// Client id of the client to show
        id: String,
    },
    /// List the users who may sign in to a client, and through which of its groups
    Access {
        /// Client id of the client to review
        id: String,
        /// Print all columns as CSV, for spreadsheets
        #[arg(long)]
        csv: bool,
    },
    /// List, set and remove the claims that a client gets beside those of its scopes
    #[command(subcommand)]
    Claim(ClaimCommand),
    /// List the streams of Shared Signals of a client, pause one, let it go on, or remove it
    #[command(subcommand)]
    Stream(StreamCommand),
    /// Show what a client would be told of a user, each claim with its origin and each missing one with the reason
    Try(TryArgs),
    /// Give a client a new secret, which is shown once; the current one keeps working until the next rotation
    RotateSecret {
        /// Client id of the client whose secret is rotated
        id: String,
        /// Let the current secret end after this time, in days, hours, minutes or seconds, such as 7d or 12h [default: at the next rotation]
        #[arg(long, value_name = "TIME", value_parser = parse_duration, conflicts_with = "drop_previous")]
        old_ends_in: Option<UnixSeconds>,
        /// Make the current secret stop working at once
        #[arg(long)]
        drop_previous: bool,
    },
    /// Disable a client: every request of it is refused until it is enabled again
    Disable {
        /// Client id of the client to disable
        id: String,
    },
    /// Enable a client that was disabled
    Enable {
        /// Client id of the client to enable
        id: String,
    },
    /// Remove a client and end all authorizations that users gave it
    Remove {
        /// Client id of the client to remove
        id: String,
    },
    /// Issue a token with which clients may register themselves at /register; it is shown once
    RegistrationToken {
        #[arg(long, default_value_t = 1, allow_negative_numbers = true, help = uses_help())]
        uses: i32,
        #[arg(long, default_value_t = DAY, allow_negative_numbers = true, help = lifetime_help())]
        lifetime: UnixSeconds,
    },
}

fn uses_help() -> String {
    format!("Number of clients that may register with the token, {} to {}", USES.start(), USES.end())
}

fn lifetime_help() -> String {
    let (start, end) = (LIFETIME.start(), LIFETIME.end());
    format!("Lifetime of the token in seconds, {start} to {end} ({} days)", end / DAY)
}

/// The arguments of `signet client add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Client id: 1 to 128 of the characters a-z A-Z 0-9 - . _ ~, and not a UUID [default: a random one]
    #[arg(long)]
    id: Option<String>,
    /// Preset that fills in the client and shows the lines to paste into the application, such as web or grafana; other options add to its
    /// lists and replace its other values; `signet client presets` lists all
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Address of the application, for the redirect URIs of the preset
    #[arg(long, value_name = "URL", requires = "preset")]
    url: Option<String>,
    /// Name of the client, as pages show it to people [default: that of the preset]
    #[arg(long, required_unless_present = "preset")]
    name: Option<String>,
    /// Grant type that the client may use, such as authorization_code; may be repeated [default: none]
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// Resource that the client's tokens are for unless a request names another; the client may introspect the tokens of this
    /// resource
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
    /// Scope that the client may ask for; may be repeated [default: none]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Add a public client: it gets no secret, because it runs in a browser or on people's devices and could not keep one
    #[arg(long)]
    public: bool,
    /// URI to which people may be sent after signing in; may be repeated, up to 20 times
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Origin whose scripts may call /token, /revoke and /userinfo; may be repeated [default: the origins of the redirect URIs]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Only method by which the client may authenticate: client_secret_basic, client_secret_post or private_key_jwt [default: any
    /// method for which it has a secret or keys]
    #[arg(long, value_name = "METHOD", conflicts_with = "public")]
    auth_method: Option<String>,
    /// Whether authorization requests must use PKCE: required, nonce (PKCE, or the scope openid with a nonce), or optional [default:
    /// required for a public client, which must always use PKCE, and nonce for others]
    #[arg(long, value_name = "WHEN", value_parser = parse_pkce)]
    pkce: Option<Pkce>,
    /// Do not ask people for consent, because the client is your own (people are still asked if it is public and its redirect URI is
    /// not https, because any program on their device may pretend to be such a client)
    #[arg(long)]
    first_party: bool,
    /// Let its pages watch by a frame whether people are still signed in (OpenID Connect Session Management 1.0)
    #[arg(long)]
    session_management: bool,
    /// Users who may sign in: everyone, or groups for the members of the groups that --group names; required unless no user signs in
    #[arg(long, value_name = "WHO", value_parser = parse_access)]
    access: Option<Access>,
    /// Group of the client, whose members may sign in with --access groups, and of which the client is told; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// The arguments of `signet client add`.
const ADD: Arguments<'_> = &[
    ("access", "--access"),
    ("client_id", "--id"),
    ("client_name", "--name"),
    ("client_uri", "--client-uri"),
    ("default_resource", "--resource"),
    ("grant_types", "--grant"),
    ("groups", "--group"),
    ("initiate_login_uri", "--initiate-login-uri"),
    ("jwks", "--jwks-file"),
    ("jwks_uri", "--jwks-uri"),
    ("logo_uri", "--logo-uri"),
    ("origins", "--origin"),
    ("pkce", "--pkce"),
    ("policy_uri", "--policy-uri"),
    ("preset", "--preset"),
    ("post_logout_redirect_uris", "--post-logout-redirect-uri"),
    ("redirect_uris", "--redirect-uri"),
    ("scope", "--scope"),
    ("token_endpoint_auth_method", "--auth-method"),
    ("tos_uri", "--tos-uri"),
    ("url", "--url"),
];

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: ClientCommand, json: bool) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add(app, *args).await.map_err(|error| error.in_terms_of(ADD)),
        ClientCommand::Presets => presets(app),
        ClientCommand::List { enabled, registered, search } => list(app, &ClientFilter { enabled, registered, search }, json).await,
        ClientCommand::Edit(args) => edit_client::run(app, *args).await,
        ClientCommand::Claim(command) => client_claim::run(app, command).await,
        ClientCommand::Stream(command) => client_stream::run(app, command).await,
        ClientCommand::Try(args) => client_claim::try_out(app, args).await,
        ClientCommand::Show { id } => show(app, &id).await,
        ClientCommand::Access { id, csv } => access(app, &id, csv, json).await,
        ClientCommand::RotateSecret { id, old_ends_in, drop_previous } => {
            let old = match (old_ends_in, drop_previous) {
                (Some(seconds), _) => OldSecret::EndsIn(seconds),
                (None, true) => OldSecret::EndsNow,
                (None, false) => OldSecret::UntilNextRotation,
            };
            rotate_secret(app, &id, old).await.map_err(|error| error.in_terms_of(&[("old_ends_in", "--old-ends-in")]))
        }
        ClientCommand::Disable { id } => set_enabled(app, &id, false).await,
        ClientCommand::Enable { id } => set_enabled(app, &id, true).await,
        ClientCommand::Remove { id } => remove(app, &id).await,
        ClientCommand::RegistrationToken { uses, lifetime } => {
            let arguments = [("uses", "--uses"), ("lifetime", "--lifetime")];
            registration_token(app, uses, lifetime).await.map_err(|error| error.in_terms_of(&arguments))
        }
    }
}

async fn add(app: &App, args: AddArgs) -> Result<Report, CliError> {
    let preset = args.preset.as_deref().map(presets::find).transpose()?;
    let url = match preset {
        Some(preset) => preset.check_url(args.url.as_deref())?,
        None => String::new(),
    };
    let blank = preset.map(|preset| preset.draft(&url)).unwrap_or_default();
    let more = |mut own: Vec<String>, given: Vec<String>| {
        own.extend(given);
        own
    };
    let metadata = args.metadata.into_metadata()?;
    let draft = ClientDraft {
        client_id: args.id.or(blank.client_id),
        client_name: args.name.unwrap_or(blank.client_name),
        grant_types: more(blank.grant_types, args.grants),
        redirect_uris: more(blank.redirect_uris, args.redirect_uris),
        scope: Some(more(blank.scope.unwrap_or_default(), args.scopes)),
        token_endpoint_auth_method: args.auth_method.or(blank.token_endpoint_auth_method),
        default_resource: args.resource,
        origins: args.origins,
        public: args.public || blank.public,
        pkce: args.pkce.or(blank.pkce),
        first_party: args.first_party || blank.first_party,
        group_filter: preset.and_then(|preset| preset.group_filter(args.access, &args.groups)),
        access: args.access,
        groups: args.groups,
        id_token_claims: blank.id_token_claims,
        session_management: args.session_management,
        metadata: ClientMetadata {
            application_type: metadata.application_type.or(blank.metadata.application_type),
            backchannel_logout_uri: metadata.backchannel_logout_uri.or(blank.metadata.backchannel_logout_uri),
            post_logout_redirect_uris: more(blank.metadata.post_logout_redirect_uris, metadata.post_logout_redirect_uris),
            ..metadata
        },
        ..ClientDraft::default()
    };
    let client = NewClient::check(draft, Rules::for_administrators(app))?;
    let logo = clients::fetch_logo(app, client.metadata(), Asker::Operator).await?;
    let added = match preset {
        Some(preset) => change(app, &operator(), move |change| Box::pin(presets::add(change, preset, client, logo))).await?,
        None => change(app, &operator(), move |change| Box::pin(clients::add(change, client, logo, None))).await?,
    };
    let Added { client, client_secret } = added;
    let id = &client.client_id;
    let report = secret_report(id, client_secret.clone());
    let Some(preset) = preset else { return Ok(report) };
    let lines = preset.lines(&app.settings.issuer, &url, id, client_secret.as_deref());
    Ok(with_lines(report, &preset.proof(), &lines))
}

fn presets(app: &App) -> Result<Report, CliError> {
    let rows = rows_of(presets::list(&reading(app))?);
    Ok(Report::table(&["name", "title", "needs_url", "public", "about", "proof"], rows))
}

async fn registration_token(app: &App, uses: i32, lifetime: UnixSeconds) -> Result<Report, CliError> {
    let token = NewRegistrationToken::check(uses, lifetime)?;
    let issued = change(app, &operator(), |change| Box::pin(registration_tokens::issue(change, token))).await?;
    let IssuedToken { token, view } = issued;
    let (endpoint, until) = (app.settings.issuer.endpoint("/register"), date(view.expires_at));
    let text = format!("{token}\n\nThe token allows {uses} registration(s) at {endpoint} until {until}. It is not shown again.");
    Ok(Report::new(text, json!({ "registration_token": token, "registration_endpoint": endpoint, "uses": uses, "expires_at": until })))
}

async fn list(app: &App, filter: &ClientFilter, json: bool) -> Result<Report, CliError> {
    stream(json, &["client_id", "client_name", "public", "grant_types", "access", "registered_itself", "enabled"], async |window| {
        clients::list(&reading(app), filter, &window).await
    })
    .await
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
        "pkce",
        "access",
        "groups",
        "id_token_claims",
        "group_filter",
        "group_prefix",
        "claims_allowed",
        "signals_of_all_users",
        "session_management",
        "registered_itself",
        "metadata",
        "enabled",
        "secrets",
        "created_at",
        "last_used_at",
        "live_authorizations",
        "streams",
        "version",
    ];
    Ok(Report::record(&columns, json!(clients::show(&reading(app), id).await?)))
}

async fn access(app: &App, id: &str, csv: bool, json: bool) -> Result<Report, CliError> {
    let list = async |window| review::list(&reading(app), id, &window).await;
    if csv {
        return stream_csv(&ReviewView::COLUMNS, list).await;
    }
    stream(json, &["username", "name", "email", "enabled", "through", "last_sign_in_at"], list).await
}

async fn rotate_secret(app: &App, id: &str, old: OldSecret) -> Result<Report, CliError> {
    let secret = change(app, &operator(), |change| Box::pin(clients::rotate_secret(change, id, old))).await?;
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
