//! The command line. Every command prints text, or one JSON value with `--json`; an error is one line and exit code 1.

mod client;
mod client_metadata;
mod doctor;
mod keys;
mod migrate;
mod report;
mod resource;
mod role;
mod serve;
mod session;
mod user;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::SystemClock;
use crate::config::{ConfigError, Flag, Settings};
use crate::keys::KeyError;
use crate::oauth::client_metadata::{MAX_NAME, is_plain_text};
use crate::start::{self, StartError};
use crate::store::{StoreError, Transaction, commit};
use report::Report;

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

/// Settings by flag; they win over the environment (SIGNET_*) and signet.toml.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct SettingsArgs {
    /// The settings file [default: signet.toml, if it exists]
    #[arg(long, global = true, env = "SIGNET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The exact URL that tokens are issued under [default: http://localhost:<port>]
    #[arg(long, global = true, value_name = "URL")]
    issuer: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// sqlite:<file> or postgres://… [default: sqlite:signet.db]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The folder of the master key [default: keys]
    #[arg(long, global = true, value_name = "DIR")]
    keys_dir: Option<String>,
    /// The public client of requests without client authentication [default: cli, while the issuer is loopback]
    #[arg(long, global = true, value_name = "ID")]
    default_client: Option<String>,
    /// Any other setting; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = parse_pair)]
    set: Vec<Flag>,
}

fn parse_pair(text: &str) -> Result<Flag, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the issuer (the default)
    Serve,
    /// Bring the database to this version, and make what an empty one needs
    Migrate,
    /// Check settings, database and keys; changes nothing
    Doctor,
    #[command(flatten)]
    Manage(Manage),
}

/// The commands that work on an open issuer.
#[derive(Debug, Subcommand)]
enum Manage {
    /// Users
    #[command(subcommand)]
    User(user::UserCommand),
    /// Roles: named sets of scopes that users are given
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Resources: services that accept tokens
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    /// Clients: applications that ask for tokens
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Signing keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Live authorizations of users, and their sessions in browsers
    #[command(subcommand)]
    Session(session::SessionCommand),
}

/// Why a command failed, in one line for the administrator.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Refused(String),
}

/// An error that says what was expected.
fn refuse<T>(reason: impl Into<String>) -> Result<T, CliError> {
    Err(CliError::Refused(reason.into()))
}

/// Refuses a name that people could not read as it is.
fn check_name(name: &str) -> Result<(), CliError> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || !is_plain_text(name) {
        return refuse(format!("name: expected 1 to {MAX_NAME} characters, none of them a control character or invisible"));
    }
    Ok(())
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return fail(&CliError::Refused("a subcommand is missing (see --help)".to_owned()));
        }
        Err(error) => {
            // The first paragraph says it; the rest is what `--help` shows.
            let text = error.to_string();
            let line = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            return fail(&CliError::Refused(format!("{} (see --help)", line.trim_start_matches("error: "))));
        }
    };
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
    // What was typed may be in it, and must not work on the terminal.
    let line: String = error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Where standard error is closed too, the exit code says it alone.
    let _ = writeln!(io::stderr(), "signet: {line}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> Result<Report, CliError> {
    let settings = Settings::load(cli.settings.config.as_deref(), &cli.settings.flags())?;
    install_tls_provider();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(settings, cli.json).await,
        Command::Migrate => migrate::run(settings).await,
        Command::Doctor => doctor::run(settings).await,
        Command::Manage(command) => {
            let app = open(settings).await?;
            let report = manage(&app, command).await;
            // Folds the write-ahead log of SQLite into its file.
            app.store.clone().close().await?;
            report
        }
    }
}

async fn manage(app: &App, command: Manage) -> Result<Report, CliError> {
    match command {
        Manage::User(command) => user::run(app, command).await,
        Manage::Role(command) => role::run(app, command).await,
        Manage::Resource(command) => resource::run(app, command).await,
        Manage::Client(command) => client::run(app, command).await,
        Manage::Keys(command) => keys::run(app, command).await,
        Manage::Session(command) => session::run(app, command).await,
    }
}

/// One provider for every TLS connection of the process.
fn install_tls_provider() {
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn open(settings: Settings) -> Result<Arc<App>, CliError> {
    let (app, administrator) = start::open(settings, Arc::new(SystemClock::default())).await?;
    if let Some(administrator) = administrator {
        // Standard output belongs to the command's own result.
        writeln!(io::stderr(), "{}", report::first_start(&administrator, &app.settings))?;
    }
    Ok(app)
}

/// Notes an administrator's change in its transaction, and commits.
async fn commit_change(app: &App, transaction: Transaction, action: &str, object: &str) -> Result<(), CliError> {
    audit::record(&transaction, app.now(), Event::Administered { action, object }).await?;
    Ok(commit(transaction).await?)
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
