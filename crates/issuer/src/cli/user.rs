//! `signet user`: adds, lists and changes users.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::accounts::username::normalize;
use crate::admin::change;
use crate::admin::names::{self, Kind};
use crate::admin::patch::Patch;
use crate::admin::users::{self, Ended, UserFilter, UserPatch};
use crate::app::App;
use crate::audit::EndedAccess;
use crate::cli::edit_client::text;
use crate::cli::pages::stream;
use crate::cli::report::Report;
use crate::cli::transfer::{self, ExportArgs, ImportArgs};
use crate::cli::user_access::{change_roles, consents, delete, disable, enable, link, unlock};
use crate::cli::user_add::{ADD, AddArgs, PASSWORD_HASH, PasswordArgs, add, attribute_changes};
use crate::cli::{ADD_OR_REMOVE, Arguments, CliError, changing, operator, reading};
use crate::oauth::standard_claims::TEXT_CLAIMS;

/// The subcommands of `signet user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; the terminal asks for the password unless an option gives it
    Add(AddArgs),
    /// List the users, by username
    List {
        /// Only users that are enabled (true) or disabled (false) [default: both]
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
        /// Only users whose username, name and email address have a word for each of these words, which is its beginning
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
    },
    /// Show one user with their roles
    Show {
        /// Username of the user to show
        username: String,
    },
    /// Change a user: username, email address, name, external id or standard claims; an empty value removes what can be removed
    Edit {
        /// Username of the user to change
        username: String,
        /// New username; the old one is not given to anybody else
        #[arg(long, value_name = "USERNAME")]
        rename: Option<String>,
        /// New email address, which counts as not verified unless --email-verified says otherwise
        #[arg(long)]
        email: Option<String>,
        /// Whether the email address is known to belong to the user; a verified address can belong to one user only
        #[arg(long, value_name = "BOOL")]
        email_verified: Option<bool>,
        /// New full name
        #[arg(long)]
        name: Option<String>,
        /// Id of the user in the system that manages your users
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// Standard claim to set, such as nickname=Al; may be repeated
        #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
        claims: Vec<(String, String)>,
        /// Value of a declared attribute; an empty value removes the attribute; may be repeated, also for several values of one attribute
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
        attributes: Vec<(String, String)>,
    },
    /// Delete a user with their sessions, authorizations, consents, memberships and attributes
    Delete {
        /// Username of the user to delete
        username: String,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
        /// Only print what the user would gain and lose
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a user who entered wrong passwords too often try again at once
    Unlock {
        /// Username of the user to unlock
        username: String,
    },
    /// Make a link by which a user sets a password within 24 hours; it is shown once, and the link before can no longer be used
    Link {
        /// Username or id of the user
        user: String,
    },
    /// List what a user allowed clients, or withdraw what one client was allowed
    Consents {
        /// Username of the user
        username: String,
        /// Client whose consent is withdrawn, which ends its access to the account
        #[arg(long, value_name = "CLIENT")]
        withdraw: Option<String>,
    },
    /// Set a user's password, sign the user out of every browser, and end all their authorizations
    SetPassword {
        /// Username of the user whose password is set
        username: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Disable a user: sign the user out of every browser, end all their authorizations, and refuse new ones
    Disable {
        /// Username of the user to disable
        username: String,
        /// Only print what the user would gain and lose
        #[arg(long)]
        dry_run: bool,
    },
    /// Enable a user that was disabled, who must sign in again
    Enable {
        /// Username of the user to enable
        username: String,
    },
    /// Add many users from a file, or change them, with the hashes of their passwords in other systems
    Import(ImportArgs),
    /// Write all users to a new file, which `signet user import` reads
    Export(ExportArgs),
    /// Let a username that a deleted or renamed user had be used again; do this only if no application knows the old user by it
    ReleaseName {
        /// Username to release
        username: String,
    },
    /// Show a user's standard claims of OpenID Connect, such as nickname, or change them with --claim
    Claims {
        /// Username of the user whose claims are shown or changed
        username: String,
        /// Claim to set; an empty value removes the claim; may be repeated
        #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
        claims: Vec<(String, String)>,
    },
    /// Show the roles that a user has directly or through groups, or change the direct ones with --add and --remove
    Roles {
        /// Username of the user whose roles are shown or changed
        username: String,
        /// Role to give to the user; may be repeated
        #[arg(long = "add", value_name = "ROLE")]
        add: Vec<String>,
        /// Role to take from the user; may be repeated
        #[arg(long = "remove", value_name = "ROLE")]
        remove: Vec<String>,
        /// Only print what the user would gain and lose
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: UserCommand, json: bool) -> Result<Report, CliError> {
    match command {
        UserCommand::Add(arguments) => add(app, arguments).await.map_err(|error| in_terms_of_claims(error, ADD)),
        UserCommand::List { enabled, search } => list(app, &UserFilter { enabled, search }, json).await,
        UserCommand::Show { username } => show(app, &username).await,
        UserCommand::Edit { username, rename, email, email_verified, name, external_id, claims, attributes } => {
            let claims = claims.into_iter().map(|(claim, value)| (claim, Some(value))).collect::<BTreeMap<_, _>>();
            let patch = UserPatch {
                username: rename.into(),
                email: text(email),
                email_verified: email_verified.into(),
                name: text(name),
                external_id: text(external_id),
                claims: Patch::Set(claims),
                attributes: Patch::Set(attribute_changes(attributes)),
            };
            edit(app, &username, patch).await.map_err(in_terms_of_edit)
        }
        UserCommand::Delete { username, yes, dry_run } => delete(app, &username, yes, dry_run).await,
        UserCommand::Unlock { username } => unlock(app, &username).await,
        UserCommand::SetPassword { username, password } => {
            set_password(app, &username, password).await.map_err(|error| error.in_terms_of(&[PASSWORD_HASH]))
        }
        UserCommand::Consents { username, withdraw } => consents(app, &username, withdraw.as_deref()).await,
        UserCommand::Link { user } => link(app, &user).await,
        UserCommand::Disable { username, dry_run } => disable(app, &username, dry_run).await,
        UserCommand::Enable { username } => enable(app, &username).await,
        UserCommand::Import(arguments) => transfer::import(app, arguments).await,
        UserCommand::Export(arguments) => transfer::export(app, arguments).await,
        UserCommand::ReleaseName { username } => {
            let name = normalize(&username);
            change(app, &operator(), |change| Box::pin(names::release(change, Kind::User, &name))).await?;
            Ok(Report::new(format!("Released the username {name}."), json!({ "username": name, "released": true })))
        }
        UserCommand::Claims { username, claims } => {
            change_claims(app, &username, &claims).await.map_err(|error| in_terms_of_claims(error, &[]))
        }
        UserCommand::Roles { username, add, remove, dry_run } => {
            let arguments = [("roles", changing(&add, &remove, ADD_OR_REMOVE))];
            change_roles(app, &username, &add, &remove, dry_run).await.map_err(|error| error.in_terms_of(&arguments))
        }
    }
}

async fn list(app: &App, filter: &UserFilter, json: bool) -> Result<Report, CliError> {
    stream(json, &["username", "email", "roles", "enabled", "id"], async |window| users::list(&reading(app), filter, &window).await).await
}

/// The columns of a user, as `show` and `edit` print them.
const FIELDS: [&str; 15] = [
    "id",
    "username",
    "email",
    "email_verified",
    "name",
    "external_id",
    "claims",
    "attributes",
    "roles",
    "groups",
    "enabled",
    "locked_until",
    "methods",
    "last_sign_in_at",
    "created_at",
];

/// The arguments of `signet user edit`.
const EDIT: Arguments<'_> = &[
    ("username", "--rename"),
    ("email", "--email"),
    ("email_verified", "--email-verified"),
    ("name", "--name"),
    ("external_id", "--external-id"),
    ("attributes", "--attribute"),
];

fn in_terms_of_edit(error: CliError) -> CliError {
    in_terms_of_claims(error, EDIT)
}

/// Names the fields at fault by `arguments`, and claims by `--claim`.
fn in_terms_of_claims(error: CliError, arguments: Arguments<'_>) -> CliError {
    let options = TEXT_CLAIMS.map(|claim| (claim, format!("--claim {claim}")));
    let claims = options.iter().map(|(claim, option)| (*claim, option.as_str()));
    error.in_terms_of(&arguments.iter().copied().chain(claims).chain([("claims", "--claim")]).collect::<Vec<_>>())
}

async fn edit(app: &App, username: &str, patch: UserPatch) -> Result<Report, CliError> {
    let id = users::show(&reading(app), username).await?.id;
    let user = change(app, &operator(), |change| Box::pin(users::edit(change, id, patch, None))).await?;
    Ok(Report::record(&FIELDS, json!(user)))
}

async fn show(app: &App, username: &str) -> Result<Report, CliError> {
    Ok(Report::record(&FIELDS, json!(users::show(&reading(app), username).await?)))
}

async fn set_password(app: &App, username: &str, password: PasswordArgs) -> Result<Report, CliError> {
    let user = users::show(&reading(app), username).await?;
    let hash = password.hash(app, &user.about()).await?;
    let ended = change(app, &operator(), move |change| Box::pin(users::set_password(change, user.id, hash))).await?;
    let Ended { user, ended: EndedAccess { sessions, authorizations } } = ended;
    let text = format!("Set the password of {}; sessions ended: {sessions}, authorizations ended: {authorizations}.", user.username);
    let (id, username) = (user.id, user.username);
    Ok(Report::new(text, json!({ "id": id, "username": username, "sessions_ended": sessions, "authorizations_ended": authorizations })))
}

async fn change_claims(app: &App, username: &str, values: &[(String, String)]) -> Result<Report, CliError> {
    let id = users::show(&reading(app), username).await?.id;
    let claims = if values.is_empty() {
        users::claims(&reading(app), id).await?
    } else {
        change(app, &operator(), |change| Box::pin(users::set_claims(change, id, values))).await?
    };
    let fields: Vec<&str> = claims.iter().map(|(claim, _)| *claim).collect();
    let object: serde_json::Map<String, Value> = claims.iter().map(|(claim, value)| ((*claim).to_owned(), json!(value))).collect();
    Ok(Report::record(&fields, object.into()))
}
