//! `signet user`

use std::io::{ErrorKind, Read};

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::methods::password::{self, StoredHash};
use crate::accounts::{policy, session, username};
use crate::app::App;
use crate::cli::report::{Report, date};
use crate::cli::{CliError, commit_change, refuse};
use crate::oauth::standard_claims::{self, StandardClaims, TEXT_CLAIMS};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, roles};

/// `signet user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user; the password is asked for, or read from standard input
    Add {
        /// The name to sign in with
        username: String,
        /// Email address
        #[arg(long)]
        email: Option<String>,
        /// Full name
        #[arg(long)]
        name: Option<String>,
        /// A role to give; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// List all users
    List,
    /// Show one user
    Show {
        /// Whom
        username: String,
    },
    /// Set a user's password, and end their sessions
    SetPassword {
        /// Whose
        username: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Refuse a user everything from now on, and end their sessions
    Disable {
        /// Whom
        username: String,
    },
    /// Let a disabled user sign in again
    Enable {
        /// Whom
        username: String,
    },
    /// Show or change what is known of a user beside name and email address: the standard claims of OpenID Connect
    Claims {
        /// Whose
        username: String,
        /// A claim to set, or to take away if the value is empty; may be repeated
        #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
        claims: Vec<(String, String)>,
    },
    /// Show or change a user's roles
    Roles {
        /// Whose
        username: String,
        /// A role to give; may be repeated
        #[arg(long = "add", value_name = "ROLE")]
        add: Vec<String>,
        /// A role to take; may be repeated
        #[arg(long = "remove", value_name = "ROLE")]
        remove: Vec<String>,
    },
}

/// Where a password comes from; never from an argument, which other users of the machine can see.
#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Take an Argon2id hash in PHC format, from another system, as it is
    #[arg(long, value_name = "PHC", conflicts_with = "password_stdin")]
    password_hash: Option<String>,
}

impl PasswordArgs {
    /// The hash to store for someone who is known by `about`.
    async fn hash(self, app: &App, about: &[&str]) -> Result<String, CliError> {
        if let Some(phc) = self.password_hash {
            return match StoredHash::parse(&phc) {
                Ok(_) => Ok(phc),
                Err(error) => refuse(error.to_string()),
            };
        }
        let password = if self.password_stdin { read_password()? } else { ask_password()? };
        if let Err(error) = policy::check(password.expose_secret(), about) {
            return refuse(error.to_string());
        }
        password::hash(app, password).await.or_else(|error| refuse(error.to_string()))
    }
}

fn read_password() -> Result<SecretString, CliError> {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        return match error.kind() {
            ErrorKind::InvalidData => refuse("password: expected UTF-8 on stdin"),
            _ => Err(error.into()),
        };
    }
    // One line end is the shell's; everything else is the password, exactly as it came.
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(SecretString::from(line))
}

fn ask_password() -> Result<SecretString, CliError> {
    let ask =
        |prompt: &str| rpassword::prompt_password(prompt).or_else(|_| refuse("password: no terminal to ask on; use --password-stdin"));
    let password = ask("Password: ")?;
    if password != ask("Again: ")? {
        return refuse("password: the two differ");
    }
    Ok(SecretString::from(password))
}

/// Runs it.
pub async fn run(app: &App, command: UserCommand) -> Result<Report, CliError> {
    match command {
        UserCommand::Add { username, email, name, roles, password } => add(app, &username, email, name, roles, password).await,
        UserCommand::List => list(app).await,
        UserCommand::Show { username } => show(app, &username).await,
        UserCommand::SetPassword { username, password } => set_password(app, &username, password).await,
        UserCommand::Disable { username } => disable(app, &username).await,
        UserCommand::Enable { username } => enable(app, &username).await,
        UserCommand::Claims { username, claims } => change_claims(app, &username, claims).await,
        UserCommand::Roles { username, add, remove } => change_roles(app, &username, add, remove).await,
    }
}

/// The user `typed`, or an error that says there is none.
pub async fn find(db: &impl ConnectionTrait, typed: &str) -> Result<UserRow, CliError> {
    match users::row(db, &username::normalize(typed)).await? {
        Some(user) => Ok(user),
        None => refuse(format!("there is no user {typed}")),
    }
}

async fn add(
    app: &App,
    typed: &str,
    email: Option<String>,
    name: Option<String>,
    wanted: Vec<String>,
    password: PasswordArgs,
) -> Result<Report, CliError> {
    let username = username::validate(typed).or_else(|error| refuse(error.to_string()))?;
    if email.as_ref().is_some_and(|email| !is_email(email)) {
        return refuse("email: expected an address such as alice@example.com");
    }
    if name.as_ref().is_some_and(|name| name.trim().is_empty() || !standard_claims::is_line(name)) {
        return refuse("name: expected a full name, without control characters");
    }
    if users::row(app.store.reader(), &username).await?.is_some() {
        return refuse(format!("there is a user {username} already"));
    }
    let about: Vec<&str> = [Some(username.as_str()), email.as_deref(), name.as_deref()].into_iter().flatten().collect();
    let hash = password.hash(app, &about).await?;
    let now = app.now();
    let user = UserRow {
        id: app.clock.random_uuid(),
        username: username.clone(),
        email,
        email_verified: false,
        name,
        password_hash: Some(hash),
        created_at: now,
        updated_at: now,
        disabled_at: None,
        claims: StandardClaims::default().to_json(),
        password_generated_at: None,
        credential_version: 0,
    };
    let id = user.id;
    let transaction = app.store.begin().await?;
    if users::row(&transaction, &username).await?.is_some() {
        return refuse(format!("there is a user {username} already"));
    }
    users::insert(&transaction, user).await?;
    for role in wanted {
        give(&transaction, id, &role).await?;
    }
    commit_change(app, transaction, "user add", &username).await?;
    Ok(Report::new(format!("Added the user {username} ({id})."), json!({ "id": id, "username": username })))
}

fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    plain && text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

async fn give(db: &impl ConnectionTrait, user: Uuid, role: &str) -> Result<(), CliError> {
    if !roles::exists(db, role).await? {
        return refuse(format!("there is no role {role}"));
    }
    if !roles::of_user(db, user).await?.iter().any(|own| own == role) {
        roles::give(db, user, role).await?;
    }
    Ok(())
}

fn describe(user: &UserRow, roles: &[String]) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "name": user.name,
        "roles": roles,
        "enabled": user.disabled_at.is_none(),
        "created_at": date(user.created_at),
    })
}

async fn list(app: &App) -> Result<Report, CliError> {
    let mut rows = Vec::new();
    for user in users::all(app.store.reader()).await? {
        rows.push(describe(&user, &roles::of_user(app.store.reader(), user.id).await?));
    }
    Ok(Report::table(&["username", "email", "roles", "enabled", "id"], rows))
}

async fn show(app: &App, username: &str) -> Result<Report, CliError> {
    let user = find(app.store.reader(), username).await?;
    let described = describe(&user, &roles::of_user(app.store.reader(), user.id).await?);
    let columns = ["id", "username", "email", "name", "roles", "enabled", "created_at"];
    Ok(Report::record(&columns, described))
}

async fn set_password(app: &App, username: &str, password: PasswordArgs) -> Result<Report, CliError> {
    let user = find(app.store.reader(), username).await?;
    let about: Vec<&str> = [Some(user.username.as_str()), user.email.as_deref(), user.name.as_deref()].into_iter().flatten().collect();
    let hash = password.hash(app, &about).await?;
    let now = app.now();
    let transaction = app.store.begin().await?;
    users::set_password_hash(&transaction, user.id, &hash, now).await?;
    // Whoever knew the old password is signed out.
    let count = session::end_all(&transaction, user.id, "user set-password", now).await?;
    commit_change(app, transaction, "user set-password", &user.username).await?;
    let text = format!("Set the password of {}; authorizations ended: {count}.", user.username);
    Ok(Report::new(text, json!({ "id": user.id, "username": user.username, "authorizations_ended": count })))
}

async fn disable(app: &App, username: &str) -> Result<Report, CliError> {
    let now = app.now();
    let transaction = app.store.begin().await?;
    let user = find(&transaction, username).await?;
    users::set_disabled(&transaction, user.id, Some(now), now).await?;
    let count = session::end_all(&transaction, user.id, "user disable", now).await?;
    commit_change(app, transaction, "user disable", &user.username).await?;
    let text = format!("Disabled {}; authorizations ended: {count}.", user.username);
    Ok(Report::new(text, json!({ "id": user.id, "username": user.username, "enabled": false, "authorizations_ended": count })))
}

async fn enable(app: &App, username: &str) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    let user = find(&transaction, username).await?;
    users::set_disabled(&transaction, user.id, None, app.now()).await?;
    commit_change(app, transaction, "user enable", &user.username).await?;
    Ok(Report::new(format!("Enabled {}.", user.username), json!({ "id": user.id, "username": user.username, "enabled": true })))
}

async fn change_claims(app: &App, username: &str, set: Vec<(String, String)>) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    let user = find(&transaction, username).await?;
    let (mut claims, mut name) = (StandardClaims::from_json(&user.claims), user.name.clone());
    for (claim, value) in &set {
        standard_claims::check(claim, value.trim()).or_else(|error| refuse(format!("{claim}: {error}")))?;
        if claim == "name" {
            name = Some(value.trim().to_owned()).filter(|name| !name.is_empty());
        } else {
            claims.set(claim, value).or_else(|error| refuse(format!("{claim}: {error}")))?;
        }
    }
    if !set.is_empty() {
        users::set_claims(&transaction, user.id, name.as_deref(), &claims.to_json(), app.now()).await?;
        commit_change(app, transaction, "user claims", &user.username).await?;
    }
    let shown: Vec<(&str, &str)> = TEXT_CLAIMS
        .iter()
        .map(|claim| (*claim, if *claim == "name" { name.as_deref().unwrap_or_default() } else { claims.get(claim) }))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let object: serde_json::Map<String, Value> = shown.iter().map(|(claim, value)| ((*claim).to_owned(), (*value).into())).collect();
    Ok(Report::record(&shown.iter().map(|(claim, _)| *claim).collect::<Vec<_>>(), object.into()))
}

async fn change_roles(app: &App, username: &str, add: Vec<String>, remove: Vec<String>) -> Result<Report, CliError> {
    let transaction = app.store.begin().await?;
    let user = find(&transaction, username).await?;
    for role in &add {
        give(&transaction, user.id, role).await?;
    }
    for role in &remove {
        if !roles::exists(&transaction, role).await? {
            return refuse(format!("there is no role {role}"));
        }
        roles::take(&transaction, user.id, role).await?;
    }
    let roles = roles::of_user(&transaction, user.id).await?;
    if !add.is_empty() || !remove.is_empty() {
        commit_change(app, transaction, "user roles", &user.username).await?;
    }
    Ok(Report::new(roles.join("\n"), json!({ "id": user.id, "username": user.username, "roles": roles })))
}
