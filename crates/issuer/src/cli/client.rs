//! `signet client`: adds, lists, changes and removes clients.

use clap::Subcommand;
use serde_json::json;

use crate::admin::change;
use crate::admin::clients::{self, ClientFilter, OldSecret};
use crate::admin::presets;
use crate::admin::preview::Subject;
use crate::admin::registration_tokens::{self, IssuedToken, LIFETIME, NewRegistrationToken, USES};
use crate::admin::review::{self, ReviewView};
use crate::app::App;
use crate::cli::add_client::{self, AddArgs};
use crate::cli::client_claim::{self, ClaimCommand, TryArgs};
use crate::cli::client_stream::{self, StreamCommand};
use crate::cli::client_values::{parse_duration, secret_report};
use crate::cli::edit_client::{self, EditArgs};
use crate::cli::pages::{stream, stream_csv};
use crate::cli::preview::{Care, remove};
use crate::cli::report::Report;
use crate::cli::{CliError, operator, reading, rows_of};
use crate::clock::{DAY, UnixSeconds, date};
use crate::oauth::access::Access;

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
    /// Make the older secret of a client stop working at once; the one that `rotate-secret` gave it last stays
    EndOldSecret {
        /// Client id of the client
        id: String,
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
        #[command(flatten)]
        care: Care,
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

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: ClientCommand, json: bool) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add_client::run(app, *args).await,
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
        ClientCommand::EndOldSecret { id } => end_old_secret(app, &id).await,
        ClientCommand::Disable { id } => set_enabled(app, &id, false).await,
        ClientCommand::Enable { id } => set_enabled(app, &id, true).await,
        ClientCommand::Remove { id, care } => remove_one(app, &id, care).await,
        ClientCommand::RegistrationToken { uses, lifetime } => {
            let arguments = [("uses", "--uses"), ("lifetime", "--lifetime")];
            registration_token(app, uses, lifetime).await.map_err(|error| error.in_terms_of(&arguments))
        }
    }
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

async fn end_old_secret(app: &App, id: &str) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(clients::end_old_secrets(change, id))).await?;
    Ok(Report::new(format!("Ended the older secret of the client {id}."), json!({ "client_id": id, "old_secret_ended": true })))
}

async fn set_enabled(app: &App, id: &str, enabled: bool) -> Result<Report, CliError> {
    change(app, &operator(), |change| Box::pin(clients::set_enabled(change, id, enabled))).await?;
    let done = if enabled { "Enabled" } else { "Disabled" };
    Ok(Report::new(format!("{done} the client {id}."), json!({ "client_id": id, "enabled": enabled })))
}

async fn remove_one(app: &App, id: &str, care: Care) -> Result<Report, CliError> {
    let everyone = clients::show(&reading(app), id).await?.access == Access::Everyone;
    let subject = Subject::Client { id: id.to_owned(), groups: Vec::new(), everyone };
    let report = |ended| {
        let text = format!("Removed the client {id}; authorizations ended: {ended}.");
        Report::new(text, json!({ "client_id": id, "removed": true, "authorizations_ended": ended }))
    };
    remove(app, care, &subject, &format!("the client {id}"), |change| Box::pin(clients::remove(change, id)), report).await
}
