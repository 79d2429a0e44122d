//! `signet group`: adds, lists, changes and removes groups, and changes their members.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::admin::change;
use crate::admin::groups::{self, GroupDraft, GroupFilter, GroupPatch};
use crate::admin::names::{self, Kind};
use crate::admin::preview::Subject;
use crate::app::App;
use crate::cli::pages::stream;
use crate::cli::preview::{Care, dry_run, remove};
use crate::cli::report::Report;
use crate::cli::{ADD_OR_REMOVE, Arguments, CliError, changing, operator, reading};

/// The subcommands of `signet group`.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Add a group, which is a named set of users
    Add {
        /// Name of the group, which applications see: at most 128 characters, without commas
        name: String,
        /// Name that pages show to people
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Id of the group in the system that manages the groups
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// Role that every member has; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Let the help desk (scope admin:users) change the members
        #[arg(long)]
        delegated: bool,
        /// Make each new user a member
        #[arg(long)]
        default: bool,
    },
    /// List the groups, by name
    List {
        /// Only groups whose names have a word for each of these words, which is its beginning
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
    },
    /// Show one group
    Show {
        /// Name of the group to show
        name: String,
    },
    /// Change a group; what no option names stays as it is
    Edit(EditArgs),
    /// List the members of a group, or change them with --add and --remove
    Members {
        /// Name of the group
        name: String,
        /// Username of a user to add; may be repeated
        #[arg(long = "add", value_name = "USERNAME")]
        add: Vec<String>,
        /// Username of a user to take out of the group; may be repeated
        #[arg(long = "remove", value_name = "USERNAME")]
        remove: Vec<String>,
        /// Only print what users would gain and lose
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a group, which its members then lose with its roles; its name is never given to another group
    Remove {
        /// Name of the group to remove
        name: String,
        #[command(flatten)]
        care: Care,
    },
    /// Let a name that a removed or renamed group had be used again; do this only if no application knows the old group by it
    ReleaseName {
        /// Name to release
        name: String,
    },
}

/// The arguments of `signet group edit`.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Name of the group to change
    name: String,
    /// New name; the old one is never given to another group
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Name that pages show to people; an empty one removes it
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Id of the group in the system that manages the groups; an empty one removes it
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Role that every member gets; may be repeated
    #[arg(long = "add-role", value_name = "ROLE")]
    add_roles: Vec<String>,
    /// Role that the members lose unless they have it otherwise; may be repeated
    #[arg(long = "remove-role", value_name = "ROLE")]
    remove_roles: Vec<String>,
    /// Whether the help desk (scope admin:users) may change the members
    #[arg(long, value_name = "BOOL")]
    delegated: Option<bool>,
    /// Whether each new user becomes a member
    #[arg(long, value_name = "BOOL")]
    default: Option<bool>,
    /// Only print what users would gain and lose
    #[arg(long)]
    dry_run: bool,
}

const ARGUMENTS: Arguments<'_> =
    &[("name", "NAME"), ("display_name", "--display-name"), ("external_id", "--external-id"), ("roles", "--role")];

const COLUMNS: [&str; 8] = ["id", "name", "display_name", "external_id", "roles", "delegated", "is_default", "created_at"];

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: GroupCommand, json: bool) -> Result<Report, CliError> {
    match command {
        GroupCommand::Add { name, display_name, external_id, roles, delegated, default } => {
            let draft = GroupDraft { name, display_name, external_id, roles, delegated, is_default: default };
            add(app, draft).await.map_err(|error| error.in_terms_of(ARGUMENTS))
        }
        GroupCommand::List { search } => list(app, &GroupFilter { search }, json).await,
        GroupCommand::Show { name } => show(app, &name).await,
        GroupCommand::Edit(args) => edit(app, args).await,
        GroupCommand::Members { name, add, remove, dry_run } => {
            let arguments = [("members", changing(&add, &remove, ADD_OR_REMOVE))];
            members(app, &name, (&add, &remove), dry_run, json).await.map_err(|error| error.in_terms_of(&arguments))
        }
        GroupCommand::Remove { name, care } => {
            let (members, what) = (Subject::Group(name.clone()), format!("the group {name}"));
            let report = |_| Report::new(format!("Removed the group {name}."), json!({ "name": name, "removed": true }));
            remove(app, care, &members, &what, |change| Box::pin(groups::remove(change, &name)), report).await
        }
        GroupCommand::ReleaseName { name } => {
            change(app, &operator(), |change| Box::pin(names::release(change, Kind::Group, &name))).await?;
            Ok(Report::new(format!("Released the name {name}."), json!({ "name": name, "released": true })))
        }
    }
}

async fn add(app: &App, draft: GroupDraft) -> Result<Report, CliError> {
    let group = change(app, &operator(), move |change| Box::pin(groups::add(change, draft))).await?;
    Ok(Report::new(format!("Added the group {}.", group.name), json!(group)))
}

async fn list(app: &App, filter: &GroupFilter, json: bool) -> Result<Report, CliError> {
    stream(json, &["name", "display_name", "roles", "delegated", "is_default"], async |window| {
        groups::list(&reading(app), filter, &window).await
    })
    .await
}

async fn show(app: &App, name: &str) -> Result<Report, CliError> {
    let mut group = json!(groups::show(&reading(app), name).await?);
    // A number of 1000 stands for 1000 or more.
    group["members"] = json!(groups::count_members(&reading(app), name).await?);
    Ok(Report::record(&[COLUMNS.as_slice(), &["members"]].concat(), group))
}

async fn edit(app: &App, args: EditArgs) -> Result<Report, CliError> {
    let before = groups::show(&reading(app), &args.name).await?;
    let unless_empty = |text: String| Some(text).filter(|text| !text.is_empty());
    let roles = (!args.add_roles.is_empty() || !args.remove_roles.is_empty()).then(|| {
        let kept = before.roles.into_iter().filter(|role| !args.remove_roles.contains(role));
        kept.chain(args.add_roles.iter().cloned()).collect()
    });
    let arguments = [
        ("name", "--rename"),
        ("display_name", "--display-name"),
        ("external_id", "--external-id"),
        ("roles", changing(&args.add_roles, &args.remove_roles, ["--add-role", "--remove-role", "--add-role or --remove-role"])),
    ];
    let patch = GroupPatch {
        name: args.rename,
        display_name: args.display_name.map(unless_empty),
        external_id: args.external_id.map(unless_empty),
        roles,
        delegated: args.delegated,
        is_default: args.default,
    };
    let name = &args.name;
    if args.dry_run {
        let members = Subject::Group(name.clone());
        let report = dry_run(app, &operator(), &members, |change| Box::pin(groups::edit(change, name, patch))).await;
        return report.map_err(|error| error.in_terms_of(&arguments));
    }
    let edited = change(app, &operator(), |change| Box::pin(groups::edit(change, name, patch))).await;
    let after = edited.map_err(|error| CliError::from(error).in_terms_of(&arguments))?;
    Ok(Report::record(&COLUMNS, json!(after)))
}

async fn members(app: &App, name: &str, (add, remove): (&[String], &[String]), dry: bool, json: bool) -> Result<Report, CliError> {
    if dry {
        let users = Subject::Users([add, remove].concat());
        return dry_run(app, &operator(), &users, |change| Box::pin(groups::change_members(change, name, add, remove))).await;
    }
    if !add.is_empty() || !remove.is_empty() {
        let changed = change(app, &operator(), |change| Box::pin(groups::change_members(change, name, add, remove))).await?;
        let text = format!("Changed the members of the group {name}; added: {}, removed: {}.", changed.added.len(), changed.removed.len());
        return Ok(Report::new(text, json!(changed)));
    }
    stream(json, &["username", "name", "id"], async |window| groups::members(&reading(app), name, &window).await).await
}
