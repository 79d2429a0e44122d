//! `signet user add`, and the password of a command, which the terminal, standard input or a hash gives.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use clap::Args;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::admin::users::{self, GivenPassword, NewUser, PasswordHash, UserDraft};
use crate::admin::{Faults, change};
use crate::app::App;
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, operator, reading, refuse};

/// The arguments of `signet user add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Username with which the user signs in; upper and lower case count as the same
    username: String,
    /// Email address of the user
    #[arg(long)]
    email: Option<String>,
    /// The email address is known to belong to the user; a verified address can belong to one user only
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// Full name of the user
    #[arg(long)]
    name: Option<String>,
    /// Id of the user in the system that manages your users
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Standard claim of the user, such as nickname=Al; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
    claims: Vec<(String, String)>,
    /// Value of a declared attribute; may be repeated, also for several values of one attribute
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = crate::cli::parse_pair)]
    attributes: Vec<(String, String)>,
    /// Role to give to the user; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Group to add the user to, beside the default groups; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Add the user disabled, so that they cannot sign in until `signet user enable`
    #[arg(long)]
    disabled: bool,
    /// Add the user without a password; they cannot sign in with one until they open a link of `signet user link`
    #[arg(long, conflicts_with_all = ["password_stdin", "password_hash"])]
    no_password: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// The source of a password. The password itself is never an argument, because every user of the machine can read the arguments of
/// a process.
#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// Read the password from standard input; one line end after it is ignored
    #[arg(long)]
    password_stdin: bool,
    /// Store this hash of Argon2, scrypt, PBKDF2 or bcrypt from another system as it is, such as $argon2id$v=19$… or $2b$12$…
    #[arg(long, value_name = "HASH", conflicts_with = "password_stdin")]
    password_hash: Option<String>,
}

impl PasswordArgs {
    /// Returns the hash to store. Refuses a password that is too easy to guess for someone who knows `about`, such as the username.
    pub(super) async fn hash(self, app: &App, about: &[&str]) -> Result<PasswordHash, CliError> {
        let given = match self.given()? {
            Some(given) => given,
            None => GivenPassword::Plain(ask_password()?),
        };
        Ok(given.check(app, about).await?.hash(app).await?)
    }

    /// Returns the password or the hash that the options give. `None` if the terminal is to be asked.
    fn given(self) -> Result<Option<GivenPassword>, CliError> {
        if let Some(hash) = self.password_hash {
            return Ok(Some(GivenPassword::Hash(hash.into())));
        }
        Ok(if self.password_stdin { Some(GivenPassword::Plain(read_password()?)) } else { None })
    }
}

fn read_password() -> Result<SecretString, CliError> {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().read_to_string(&mut text) {
        return match error.kind() {
            ErrorKind::InvalidData => refuse("password: expected UTF-8 on standard input"),
            _ => Err(error.into()),
        };
    }
    // `echo` adds one line end. Everything else belongs to the password, spaces included.
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(SecretString::from(line))
}

fn ask_password() -> Result<SecretString, CliError> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt).or_else(|_| refuse("password: there is no terminal to ask on; use --password-stdin"))
    };
    let password = ask("Password: ")?;
    if password != ask("Again: ")? {
        return refuse("password: the second entry differs from the first");
    }
    Ok(SecretString::from(password))
}

/// The option of the field `password_hash`. A password has no option, because the terminal or standard input gives it.
pub(super) const PASSWORD_HASH: (&str, &str) = ("password_hash", "--password-hash");

/// Returns the new values of attributes that were given as pairs. The values of pairs with the same name belong together.
pub(super) fn attribute_changes(pairs: Vec<(String, String)>) -> BTreeMap<String, Option<Value>> {
    let mut changes = BTreeMap::<String, Option<Value>>::new();
    for (name, value) in pairs {
        let texts = changes.entry(name).or_default();
        if !value.is_empty() {
            let mut all = texts.take().and_then(|value| value.as_array().cloned()).unwrap_or_default();
            all.push(value.into());
            *texts = Some(all.into());
        }
    }
    changes
}

/// The arguments by which `signet user add` gives fields.
pub(super) const ADD: Arguments<'_> = &[
    ("username", "USERNAME"),
    ("email", "--email"),
    ("email_verified", "--email-verified"),
    ("name", "--name"),
    ("external_id", "--external-id"),
    ("attributes", "--attribute"),
    ("roles", "--role"),
    ("groups", "--group"),
    PASSWORD_HASH,
];

/// Adds a user as the operator.
pub(super) async fn add(app: &App, arguments: AddArgs) -> Result<Report, CliError> {
    let AddArgs { username, email, email_verified, name, external_id, claims, attributes, .. } = arguments;
    let AddArgs { roles, groups, disabled, no_password, password, .. } = arguments;
    let claims = claims.into_iter().map(|(claim, value)| (claim, Some(value))).collect();
    let attributes = attribute_changes(attributes);
    let draft = UserDraft { username, email, email_verified, name, external_id, claims, attributes, roles, groups, disabled };
    let given = if no_password { None } else { password.given()? };
    let password = match given {
        Some(given) => given.check(app, &draft.about()).await.map(Some),
        None => Ok(None),
    };
    let (user, password) = Faults::of_both(NewUser::check_all(&reading(app), draft).await, password)?;
    let password = match password {
        // Nobody is asked for the password of a user who cannot be added.
        None if !no_password => Some(GivenPassword::Plain(ask_password()?).check(app, &user.about()).await?),
        password => password,
    };
    let hash = match password {
        Some(password) => Some(password.hash(app).await?),
        None => None,
    };
    let user = change(app, &operator(), move |change| Box::pin(users::add(change, user, hash))).await?;
    let (id, username) = (user.id, user.username);
    Ok(Report::new(format!("Added the user {username} ({id})."), json!({ "id": id, "username": username })))
}
