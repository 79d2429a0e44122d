//! `signet role`: adds, lists, changes and removes roles.

use clap::Subcommand;
use serde_json::json;

use crate::admin::change;
use crate::admin::preview::Subject;
use crate::admin::roles::{self, NewRole, RolePatch};
use crate::app::App;
use crate::cli::pages::stream;
use crate::cli::preview::{Care, dry_run, remove};
use crate::cli::report::Report;
use crate::cli::{ADD_OR_REMOVE, CliError, changing, operator, reading};

/// The subcommands of `signet role`.
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Add a role, which is a named set of scopes
    Add {
        /// Name of the role: printable ASCII characters without spaces, at most 128
        name: String,
        /// Name that pages show to people
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Scope that users with the role may hold; may be repeated
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Let the help desk (scope admin:users) give the role and take it away
        #[arg(long)]
        delegated: bool,
    },
    /// List all roles with their scopes
    List,
    /// Show one role with its scopes
    Show {
        /// Name of the role to show
        name: String,
    },
    /// Show the scopes of a role, or change them with --add and --remove
    Scopes {
        /// Name of the role to show or change
        name: String,
        /// Scope to give to the role; may be repeated
        #[arg(long = "add", value_name = "SCOPE")]
        add: Vec<String>,
        /// Scope to take from the role; may be repeated
        #[arg(long = "remove", value_name = "SCOPE")]
        remove: Vec<String>,
        /// Only print what users would gain and lose
        #[arg(long)]
        dry_run: bool,
    },
    /// Change the display name of a role, and whether the help desk may give it
    Edit {
        /// Name of the role to change
        name: String,
        /// Name that pages show to people; an empty one removes it
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Whether the help desk (scope admin:users) may give the role and take it away
        #[arg(long, value_name = "BOOL")]
        delegated: Option<bool>,
    },
    /// List the users who have a role directly; `signet group list` shows the groups that carry it
    Users {
        /// Name of the role
        name: String,
    },
    /// Remove a role, which its users then lose
    Remove {
        /// Name of the role to remove
        name: String,
        #[command(flatten)]
        care: Care,
    },
}

/// The columns of a role, as `list`, `show` and `edit` print them.
const COLUMNS: [&str; 4] = ["name", "display_name", "scopes", "delegated"];

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: RoleCommand, json: bool) -> Result<Report, CliError> {
    match command {
        RoleCommand::Add { name, display_name, scopes, delegated } => {
            let arguments = [("name", "NAME"), ("display_name", "--display-name"), ("scopes", "--scope")];
            let role = roles::check(&reading(app), &name, display_name, &scopes).await.map_err(CliError::from);
            let added = async { add(app, role?.delegated(delegated)).await };
            added.await.map_err(|error| error.in_terms_of(&arguments))
        }
        RoleCommand::List => list(app, json).await,
        RoleCommand::Show { name } => Ok(Report::record(&COLUMNS, json!(roles::show(&reading(app), &name).await?))),
        RoleCommand::Scopes { name, add, remove, dry_run } => {
            let arguments = [("scopes", changing(&add, &remove, ADD_OR_REMOVE))];
            change_scopes(app, &name, &add, &remove, dry_run).await.map_err(|error| error.in_terms_of(&arguments))
        }
        RoleCommand::Edit { name, display_name, delegated } => {
            let patch = RolePatch { display_name: display_name.map(|name| Some(name).filter(|name| !name.is_empty())), delegated };
            edit(app, &name, patch).await.map_err(|error| error.in_terms_of(&[("display_name", "--display-name")]))
        }
        RoleCommand::Remove { name, care } => {
            let (users, what) = (Subject::Role(name.clone()), format!("the role {name}"));
            let report = |_| Report::new(format!("Removed the role {name}."), json!({ "name": name, "removed": true }));
            remove(app, care, &users, &what, |change| Box::pin(roles::remove(change, &name)), report).await
        }
        RoleCommand::Users { name } => {
            stream(json, &["username", "name", "id"], async |window| roles::holders(&reading(app), &name, &window).await).await
        }
    }
}

async fn add(app: &App, role: NewRole) -> Result<Report, CliError> {
    let role = change(app, &operator(), move |change| Box::pin(roles::add(change, role))).await?;
    Ok(Report::new(format!("Added the role {}.", role.name), json!(role)))
}

async fn list(app: &App, json: bool) -> Result<Report, CliError> {
    stream(json, &COLUMNS, async |window| roles::list(&reading(app), &window).await).await
}

async fn change_scopes(app: &App, name: &str, add: &[String], remove: &[String], dry: bool) -> Result<Report, CliError> {
    if dry {
        let users = Subject::Role(name.to_owned());
        return dry_run(app, &operator(), &users, |change| Box::pin(roles::change_scopes(change, name, add, remove))).await;
    }
    let role = if add.is_empty() && remove.is_empty() {
        roles::show(&reading(app), name).await?
    } else {
        change(app, &operator(), |change| Box::pin(roles::change_scopes(change, name, add, remove))).await?
    };
    Ok(Report::new(role.scopes.join("\n"), json!(role)))
}

async fn edit(app: &App, name: &str, patch: RolePatch) -> Result<Report, CliError> {
    let role = change(app, &operator(), |change| Box::pin(roles::edit(change, name, patch))).await?;
    Ok(Report::record(&COLUMNS, json!(role)))
}
