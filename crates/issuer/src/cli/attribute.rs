//! `signet attribute`: declares, lists, changes and removes the attributes of users.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::attributes::{self, AttributeDraft, AttributePatch, AttributeRemoval, users_with_values};
use crate::admin::change;
use crate::admin::client_claims::ClaimOfClient;
use crate::admin::patch::Patch;
use crate::app::App;
use crate::cli::edit_client::text;
use crate::cli::preview::{Care, remove_losing};
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, Removable, all, operator, parse_choice, parse_removable, reading};
use crate::oauth::attribute_type::{AttributeType, Audience};

/// The subcommands of `signet attribute`.
#[derive(Debug, Subcommand)]
pub enum AttributeCommand {
    /// Declare an attribute, which users can then have values of
    Add {
        /// Name of the attribute, by which clients get it as a claim
        name: String,
        /// Type of its values: string, number or boolean
        #[arg(long = "type", value_name = "TYPE", value_parser = parse_type, default_value = "string")]
        value_type: AttributeType,
        /// Let a user have several values, which clients get as a list
        #[arg(long)]
        multi_valued: bool,
        #[command(flatten)]
        details: Details,
    },
    /// List all attributes
    List,
    /// Show one attribute
    Show {
        /// Name of the attribute to show
        name: String,
    },
    /// Change an attribute; an empty value removes the scope, a bound or the pattern
    Edit {
        /// Name of the attribute to change
        name: String,
        #[command(flatten)]
        details: Details,
    },
    /// Remove an attribute with the values that users have and the claims of clients that come from it
    Remove {
        /// Name of the attribute to remove
        name: String,
        #[command(flatten)]
        care: Care,
    },
}

/// The details of an attribute that can be changed later.
#[derive(Debug, Args)]
pub struct Details {
    /// Name of the attribute that people see
    #[arg(long)]
    display_name: Option<String>,
    /// Whether only administrators change the values (admin), or people their own too (user) [default: admin]
    #[arg(long, value_name = "WHO", value_parser = parse_audience)]
    mutability: Option<Audience>,
    /// Whether only administrators see the values (admin), or people their own too (user) [default: admin]
    #[arg(long, value_name = "WHO", value_parser = parse_audience)]
    visibility: Option<Audience>,
    /// Scope of OpenID Connect that releases the attribute as a claim of the same name, such as profile
    #[arg(long)]
    scope: Option<String>,
    /// Least length of a string in characters, or least number
    #[arg(long, value_parser = parse_removable, allow_hyphen_values = true)]
    min: Option<Removable>,
    /// Greatest length of a string in characters, or greatest number
    #[arg(long, value_parser = parse_removable, allow_hyphen_values = true)]
    max: Option<Removable>,
    /// Regular expression that a whole string must match, such as [A-Z]{2}[0-9]+
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
}

fn parse_type(text: &str) -> Result<AttributeType, String> {
    parse_choice(text, &AttributeType::ALL, AttributeType::as_str)
}

fn parse_audience(text: &str) -> Result<Audience, String> {
    parse_choice(text, &Audience::ALL, Audience::as_str)
}

/// The arguments of the fields of an attribute.
const ARGUMENTS: Arguments<'_> = &[
    ("name", "NAME"),
    ("display_name", "--display-name"),
    ("mutability", "--mutability"),
    ("visibility", "--visibility"),
    ("scope", "--scope"),
    ("min", "--min"),
    ("max", "--max"),
    ("pattern", "--pattern"),
];

/// The columns of an attribute, as the commands print them.
const FIELDS: [&str; 10] = ["name", "display_name", "type", "multi_valued", "mutability", "visibility", "scope", "min", "max", "pattern"];

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: AttributeCommand) -> Result<Report, CliError> {
    match command {
        AttributeCommand::Add { name, value_type, multi_valued, details } => {
            add(app, name, value_type, multi_valued, details).await.map_err(|error| error.in_terms_of(ARGUMENTS))
        }
        AttributeCommand::List => Ok(Report::table(&FIELDS, all(async |window| attributes::list(&reading(app), &window).await).await?)),
        AttributeCommand::Show { name } => {
            let attribute = attributes::show(&reading(app), &name).await?;
            record(app, &name, json!(attribute)).await
        }
        AttributeCommand::Edit { name, details } => edit(app, &name, details).await.map_err(|error| error.in_terms_of(ARGUMENTS)),
        AttributeCommand::Remove { name, care } => remove(app, &name, care).await,
    }
}

async fn add(app: &App, name: String, value_type: AttributeType, multi_valued: bool, details: Details) -> Result<Report, CliError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let draft = AttributeDraft {
        name,
        display_name: details.display_name,
        value_type,
        multi_valued,
        mutability: details.mutability.unwrap_or(Audience::Admin),
        visibility: details.visibility.unwrap_or(Audience::Admin),
        scope: given(details.scope),
        min: details.min.and_then(|bound| bound.0),
        max: details.max.and_then(|bound| bound.0),
        pattern: given(details.pattern),
    };
    let added = change(app, &operator(), move |change| Box::pin(attributes::add(change, draft))).await?;
    Ok(Report::new(format!("Added the attribute {}.", added.name), json!(added)))
}

async fn edit(app: &App, name: &str, details: Details) -> Result<Report, CliError> {
    let bound = |bound: Option<Removable>| bound.map_or(Patch::Keep, |bound| bound.0.map_or(Patch::Clear, Patch::Set));
    let patch = AttributePatch {
        display_name: details.display_name.into(),
        mutability: details.mutability.into(),
        visibility: details.visibility.into(),
        scope: text(details.scope),
        min: bound(details.min),
        max: bound(details.max),
        pattern: text(details.pattern),
    };
    let after = change(app, &operator(), move |change| Box::pin(attributes::edit(change, name, patch, None))).await?;
    record(app, name, json!(after)).await
}

/// Reports an attribute with the number of users who typed their values; 1000 stands for 1000 or more.
async fn record(app: &App, name: &str, mut attribute: Value) -> Result<Report, CliError> {
    attribute["typed_by_users"] = json!(attributes::count_typed(&reading(app), name).await?);
    Ok(Report::record(&[FIELDS.as_slice(), &["typed_by_users"]].concat(), attribute))
}

async fn remove(app: &App, name: &str, care: Care) -> Result<Report, CliError> {
    let version = attributes::show(&reading(app), name).await?.version;
    let report = |removal: AttributeRemoval| {
        let mut json = json!(removal);
        json["removed"] = json!(true);
        Report::new(format!("Removed the attribute {name}."), json)
    };
    let what = format!("the attribute {name}");
    remove_losing(app, care, &what, |change| Box::pin(attributes::remove(change, name, Some(version))), losses, report).await
}

/// Says what goes with an attribute, each as a sentence.
fn losses(removal: &AttributeRemoval) -> Vec<String> {
    let users = users_with_values(removal.user_count);
    let claim = |own: &ClaimOfClient| format!("The client {} loses the claim {}.", own.client_id, own.claim);
    std::iter::once(users).chain(removal.claims.iter().map(claim)).collect()
}
