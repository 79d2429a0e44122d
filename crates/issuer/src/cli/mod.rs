//! The command line. Each command parses its arguments, calls operations of admin/, and prints text, or one JSON value with
//! `--json`. An error is one line on standard error and exit code 1.

mod add_client;
mod attribute;
mod audit;
mod authorization;
mod client;
mod client_claim;
mod client_metadata;
mod client_stream;
mod client_values;
mod doctor;
mod edit_client;
mod group;
mod keys;
mod migrate;
mod pages;
mod preview;
mod report;
mod resource;
mod role;
mod serve;
mod session;
mod table;
mod transfer;
mod user;
mod user_access;
mod user_add;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use serde_json::Value;

use crate::admin::{Fault, Listing, Reading, Refused, Window};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clock::SystemClock;
use crate::config::{ConfigError, Flag, Settings};
use crate::keys::KeyError;
use crate::oauth::plain_text::without_credentials;
use crate::start::{self, StartError};
use report::Report;

static OPERATOR: LazyLock<Actor> = LazyLock::new(|| Actor::local(Who::Operator, Face::CommandLine));

/// The number of items that [`all`] reads at a time.
const PAGE: u64 = 500;

/// Signet, an OpenID Connect identity provider.
#[derive(Debug, Parser)]
#[command(name = "signet", version, about)]
struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Print one JSON value instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Settings given as flags. They take precedence over the environment (`SIGNET_*`) and signet.toml.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct SettingsArgs {
    /// Settings file to read [default: signet.toml, if it exists]
    #[arg(long, global = true, env = "SIGNET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// URL of the issuer, exactly as in the `iss` of tokens [default: http://localhost:<port>]
    #[arg(long, global = true, value_name = "URL")]
    issuer: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Database to use: sqlite:<file> or postgres://… [default: sqlite:signet.db]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Folder that holds the master key [default: keys]
    #[arg(long, global = true, value_name = "DIR")]
    keys_dir: Option<String>,
    /// Public client to which requests without client authentication belong [default: cli, while the issuer is loopback]
    #[arg(long, global = true, value_name = "ID")]
    default_client: Option<String>,
    /// Any other setting, such as access_token_lifetime=300; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = parse_pair)]
    set: Vec<Flag>,
}

fn parse_pair(text: &str) -> Result<Flag, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A whole number, or `None` to take one away.
#[derive(Debug, Clone, Copy)]
struct Removable(Option<i64>);

/// Parses a whole number. An empty text takes one away.
fn parse_removable(text: &str) -> Result<Removable, String> {
    let number = Some(text).filter(|text| !text.is_empty()).map(str::parse).transpose();
    number.map(Removable).map_err(|_| "expected a whole number".to_owned())
}

/// Returns the one of `all` that is spelt `text`, where `spelling` says how each is spelt. The error lists all of them.
fn parse_choice<T: Copy>(text: &str, all: &[T], spelling: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| spelling(*one) == text).ok_or_else(|| {
        let spellings: Vec<&str> = all.iter().copied().map(spelling).collect();
        format!("expected {}", spellings.join(if spellings.len() > 2 { ", " } else { " or " }))
    })
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value is made in the life of the process")]
enum Command {
    /// Start the issuer (the default command)
    Serve,
    /// Update the database schema to this version; perform the first start if the database is empty
    Migrate,
    /// Check settings, database and keys without changing anything
    Doctor,
    #[command(flatten)]
    Manage(Manage),
}

/// The commands that need an open issuer.
#[derive(Debug, Subcommand)]
enum Manage {
    /// Add, list and change users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Add, list and change groups, which are named sets of users
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Add, list, change and remove attributes, which users have values of
    #[command(subcommand)]
    Attribute(attribute::AttributeCommand),
    /// Add, list and change roles, which are named sets of scopes
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Add, list, change and remove resources, which are services that accept tokens
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    /// Add, list and change clients, which are applications that ask for tokens
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// List, rotate and revoke signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// List and end authorizations, by which clients get tokens for users
    #[command(subcommand)]
    Authorization(authorization::AuthorizationCommand),
    /// List and end sessions, which are browsers that are signed in
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Read the audit trail, the activity of the last hours and the refusals of clients
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// The reason why a command failed, which the operator reads as one line.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Fields of an operation are not valid. Each command names them by its own arguments ([`CliError::in_terms_of`]).
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Fault>),
    #[error("{0}")]
    Refused(String),
}

impl From<Refused> for CliError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound { noun, .. } => Self::Refused(format!("{refused}; `signet {}` shows what there is", list_of(noun))),
            Refused::Invalid(faults) => Self::Invalid(faults),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Returns the command that shows every `noun`.
fn list_of(noun: &str) -> String {
    match noun {
        "key" => "keys list".to_owned(),
        "event" => "audit list".to_owned(),
        "claim" => "client claim list CLIENT".to_owned(),
        "stream" => "client stream list CLIENT".to_owned(),
        "consent" => "user consents USER".to_owned(),
        other => format!("{other} list"),
    }
}

/// The arguments of a command: for each field of its operation, the argument that gives it, as `--help` writes it.
type Arguments<'a> = &'a [(&'a str, &'a str)];

/// Returns the option by which a list is changed, where the first of `options` adds items, the second removes them, and the third names both.
fn changing(add: &[String], remove: &[String], [adds, removes, both]: [&'static str; 3]) -> &'static str {
    match (add.is_empty(), remove.is_empty()) {
        (false, true) => adds,
        (true, false) => removes,
        _ => both,
    }
}

/// The options of [`changing`] where they are called after nothing else.
const ADD_OR_REMOVE: [&str; 3] = ["--add", "--remove", "--add or --remove"];

impl CliError {
    /// Names the fields at fault by the `arguments` of the command. A field that no argument gives keeps its name.
    fn in_terms_of(self, arguments: Arguments<'_>) -> Self {
        let Self::Invalid(faults) = self else { return self };
        let line = |Fault { field, expected, .. }: &Fault| {
            let argument = arguments.iter().find(|(known, _)| known == field).map_or(*field, |(_, argument)| argument);
            format!("{argument}: expected {expected}")
        };
        Self::Refused(faults.iter().map(line).collect::<Vec<_>>().join("; "))
    }
}

/// Returns an error with `reason`, which says what was expected.
fn refuse<T>(reason: impl Into<String>) -> Result<T, CliError> {
    Err(CliError::Refused(reason.into()))
}

/// Asks on the terminal whether to go on. Fails unless the answer is `yes`.
fn confirm(question: &str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return refuse("there is no terminal to ask on; use --yes to go on without a question");
    }
    write!(io::stderr(), "{question} Type yes to go on: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { refuse("nothing was done, because the answer was not yes") }
}

/// Returns the actor of every command: someone with a shell on the issuer's machine.
fn operator() -> Actor {
    OPERATOR.clone()
}

/// Returns the permission to read everything, which an operator has.
fn reading(app: &App) -> Reading<'_> {
    Reading::new(app, &OPERATOR)
}

/// Reads all items of a list, [`PAGE`] at a time.
async fn all<V: Serialize>(list: impl AsyncFn(Window) -> Result<Listing<V>, Refused>) -> Result<Vec<Value>, CliError> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = list(Window { after, limit: PAGE }).await?;
        rows.extend(rows_of(page.items));
        after = page.next;
        if after.is_none() {
            return Ok(rows);
        }
    }
}

/// Serializes items into the rows of a table.
fn rows_of<V: Serialize>(items: Vec<V>) -> Vec<Value> {
    items.into_iter().map(|item| serde_json::to_value(item).unwrap_or_default()).collect()
}

/// How far the import stands back behind the server on the same machine, on the scale of nice(1).
const IMPORT_NICENESS: i32 = 10;

/// Parses the arguments, runs the command, prints its report, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return fail(&CliError::Refused("a subcommand is missing (see --help)".to_owned()));
        }
        Err(error) => {
            // The first paragraph of clap names the mistake; the rest repeats what `--help` shows.
            let text = error.to_string();
            let line = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            return fail(&CliError::Refused(format!("{} (see --help)", line.trim_start_matches("error: "))));
        }
    };
    if matches!(cli.command, Some(Command::Manage(Manage::User(user::UserCommand::Import(_))))) {
        // Before the first thread begins, because each thread has the priority of the one that began it. If the system refuses it, the import
        // runs with that of the server.
        let _ = rustix::process::nice(IMPORT_NICENESS);
    }
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run(cli)) {
        Ok(report) => {
            if let Err(error) = report.print(json) {
                return fail(&error.into());
            }
            if report.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &CliError) -> ExitCode {
    // The message may quote what was typed. Control characters in it could change what the terminal shows.
    let line: String = without_secrets_typed(error.to_string()).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // If standard error is closed, the exit code alone reports the failure.
    let _ = writeln!(io::stderr(), "signet: {line}");
    ExitCode::FAILURE
}

/// Returns `text` without the users and passwords of the URLs that were typed on the command line.
fn without_secrets_typed(mut text: String) -> String {
    for typed in std::env::args_os().skip(1).filter_map(|typed| typed.into_string().ok()).filter(|typed| typed.contains("://")) {
        let value = typed.split_once('=').map_or(typed.as_str(), |(_, value)| value);
        for typed in [typed.as_str(), value] {
            text = text.replace(typed, &without_credentials(typed));
        }
    }
    text
}

async fn run(cli: Cli) -> Result<Report, CliError> {
    let settings = Settings::load(cli.settings.config.as_deref(), &cli.settings.flags())?;
    install_tls_provider();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(settings, cli.json).await,
        Command::Migrate => migrate::run(settings).await,
        Command::Doctor => Ok(doctor::run(&settings).await),
        Command::Manage(command) => {
            let app = open(settings).await?;
            let report = manage(&app, command, cli.json).await;
            start::close(&app).await?;
            report
        }
    }
}

async fn manage(app: &App, command: Manage, json: bool) -> Result<Report, CliError> {
    match command {
        Manage::User(command) => user::run(app, command, json).await,
        Manage::Group(command) => group::run(app, command, json).await,
        Manage::Attribute(command) => attribute::run(app, command).await,
        Manage::Role(command) => role::run(app, command, json).await,
        Manage::Resource(command) => resource::run(app, command).await,
        Manage::Client(command) => client::run(app, command, json).await,
        Manage::Keys(command) => keys::run(app, command).await,
        Manage::Authorization(command) => authorization::run(app, command, json).await,
        Manage::Session(command) => session::run(app, command, json).await,
        Manage::Audit(command) => audit::run(app, command, json).await,
    }
}

/// Chooses the cryptography of every TLS connection of the process.
fn install_tls_provider() {
    // This fails only if a provider is installed already. That one serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn open(mut settings: Settings) -> Result<Arc<App>, CliError> {
    // A command does one thing at a time. Each connection to SQLite has a thread, and each thread a heap of its own that grows.
    settings.max_connections = 1;
    let (app, administrator) = start::open(settings, Arc::new(SystemClock::default())).await?;
    if let Some(administrator) = administrator {
        // Standard output is reserved for the result of the command, which programs may parse.
        writeln!(io::stderr(), "{}", report::made_by_command(&app.settings))?;
        writeln!(io::stderr(), "{}", report::first_start(&administrator, &app.settings))?;
    }
    Ok(app)
}

impl SettingsArgs {
    fn flags(&self) -> Vec<Flag> {
        let named = [
            ("issuer", &self.issuer),
            ("listen", &self.listen),
            ("database_url", &self.database_url),
            ("keys_dir", &self.keys_dir),
            ("default_client", &self.default_client),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        self.set.iter().cloned().chain(named).collect()
    }
}
