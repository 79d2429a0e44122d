//! `signet client claim` and `signet client try`: the claims that a client gets beside those of its scopes, and a trial of what it would be
//! told of a user.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::client_claims::{self, ClaimRemoval};
use crate::admin::trial::{self, TrialRequest};
use crate::admin::{Fault, change};
use crate::app::App;
use crate::cli::preview::{Care, remove_losing};
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, operator, parse_choice, reading, rows_of};
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, Shape, parse_default};
use crate::oauth::json as json_text;

/// The subcommands of `signet client claim`.
#[derive(Debug, Subcommand)]
pub enum ClaimCommand {
    /// List the claims that a client gets beside those of its scopes
    List {
        /// Client id of the client
        id: String,
    },
    /// Give a client a claim, in place of an earlier one of the same name
    Set(Box<SetArgs>),
    /// Take a claim from a client
    Remove {
        /// Client id of the client
        id: String,
        /// Name of the claim
        claim: String,
        #[command(flatten)]
        care: Care,
    },
}

/// The arguments of `signet client claim set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Client id of the client
    id: String,
    /// Name of the claim, such as groups; a dot in it has no special meaning
    claim: String,
    #[command(flatten)]
    source: SourceArgs,
    /// Value for a user who is in none of the groups of --group-value; without it such a user has no claim. The claims groups and roles take
    /// none. JSON after a =, such as =0, gives a value that is no text
    #[arg(long, value_name = "VALUE", requires = "group_values", value_parser = parse_default)]
    default: Option<Value>,
    /// Form of the claim: list, first (only the first value), comma or space (all values in one text) [default: list for groups and roles,
    /// otherwise first]
    #[arg(long, value_parser = parse_shape)]
    shape: Option<Shape>,
    /// Only in ID tokens or only in UserInfo: id-token or userinfo [default: in both]
    #[arg(long, value_name = "PLACE", value_parser = ["id-token", "userinfo"])]
    only: Option<String>,
}

/// The options of which one names the origin of the value.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SourceArgs {
    /// Take the value from the user: groups, roles, or a field such as username, email, sub, external_id, name or given_name
    #[arg(long, value_name = "FIELD")]
    from: Option<String>,
    /// Take the value from this attribute of the user
    #[arg(long, value_name = "NAME")]
    attribute: Option<String>,
    /// Give the members of a group this value; may be repeated, the first group that the user is in comes first. Write \= for a = that belongs
    /// to the name or the value, and \\ for a backslash before it. GROUP==JSON gives a value that is no text
    #[arg(long = "group-value", value_name = "GROUP=VALUE", value_parser = parse_entry)]
    group_values: Vec<MappedGroup>,
    /// Give every user this value, written as JSON
    #[arg(long, value_name = "JSON", value_parser = parse_json, allow_negative_numbers = true)]
    value: Option<Value>,
}

/// The arguments of `signet client try`.
#[derive(Debug, Args)]
pub struct TryArgs {
    /// Client id of the client
    id: String,
    /// Username of the user; nobody is signed in and nothing is signed
    #[arg(long, value_name = "USERNAME")]
    user: String,
    /// Scope to ask for; may be repeated [default: those of the resource, or those of OpenID Connect without one]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Resource that the access token is for
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
}

const SET: Arguments<'_> = &[
    ("claim", "CLAIM"),
    ("field", "--from"),
    ("attribute", "--attribute"),
    ("map", "--group-value"),
    ("default", "--default"),
    ("value", "--value"),
    ("in_userinfo", "--only"),
];

fn parse_shape(text: &str) -> Result<Shape, String> {
    parse_choice(text, &Shape::ALL, Shape::as_str)
}

/// Parses the value of `--value`. The error says where `text` is no JSON, and how JSON looks.
fn parse_json(text: &str) -> Result<Value, String> {
    let example = r#"expected JSON, such as true, 7, "gold" or ["a", "b"]"#;
    json_text::parse(text.as_bytes()).map_err(|error| format!("{example}; {error}"))
}

fn parse_entry(text: &str) -> Result<MappedGroup, String> {
    MappedGroup::parse(text).map_err(|expected| format!("expected {expected}"))
}

impl SetArgs {
    fn into_claim(self) -> (String, ClientClaim) {
        let Self { id, claim, source, default, shape, only } = self;
        let source = match source {
            SourceArgs { value: Some(value), .. } => ClaimSource::Fixed { value },
            SourceArgs { attribute: Some(attribute), .. } => ClaimSource::Attribute { attribute },
            SourceArgs { from: Some(from), .. } => match from.as_str() {
                "groups" => ClaimSource::Groups,
                "roles" => ClaimSource::Roles,
                _ => ClaimSource::User { field: from },
            },
            SourceArgs { group_values, .. } => ClaimSource::GroupMap { map: group_values, default },
        };
        let is_list = matches!(source, ClaimSource::Groups | ClaimSource::Roles);
        let shape = shape.unwrap_or(if is_list { Shape::List } else { Shape::First });
        let is_in = |place: &str| only.as_deref().is_none_or(|only| only == place);
        let claim = ClientClaim { claim, source, shape, in_id_token: is_in("id-token"), in_userinfo: is_in("userinfo") };
        (id, claim)
    }
}

/// Runs `command` as the operator and returns its report.
pub async fn run(app: &App, command: ClaimCommand) -> Result<Report, CliError> {
    let claims = match command {
        ClaimCommand::List { id } => client_claims::list(&reading(app), &id).await?,
        ClaimCommand::Set(args) => {
            let (id, claim) = args.into_claim();
            let put = change(app, &operator(), |change| Box::pin(client_claims::put(change, &id, claim))).await;
            // The option names what every other face calls a source, too.
            let with_lists = |mut fault: Fault| {
                if fault.field == "field" {
                    fault.expected = fault.expected.replacen("one of ", "one of groups, roles, ", 1);
                }
                fault
            };
            put.map_err(|refused| CliError::from(refused.placed(with_lists)).in_terms_of(SET))?.claims
        }
        ClaimCommand::Remove { id, claim, care } => {
            let what = format!("the claim {claim} of the client {id}");
            let lost = |removal: &ClaimRemoval| vec![removal.in_words()];
            let report = |removal: ClaimRemoval| table(removal.left);
            return remove_losing(app, care, &what, |change| Box::pin(client_claims::remove(change, &id, &claim)), lost, report).await;
        }
    };
    Ok(table(claims))
}

fn table(claims: Vec<ClientClaim>) -> Report {
    let of: Vec<String> = claims.iter().map(|claim| shortened(&claim.source.of())).collect();
    let mut rows = rows_of(claims);
    for (row, of) in rows.iter_mut().zip(of) {
        row["of"] = of.into();
    }
    Report::table(&["claim", "source", "of", "shape", "in_id_token", "in_userinfo"], rows)
}

/// The largest number of characters of a value in the table. JSON has all of them.
const SHOWN: usize = 60;

fn shortened(text: &str) -> String {
    let beginning: String = text.chars().take(SHOWN).collect();
    if beginning.len() == text.len() { beginning } else { beginning + "…" }
}

/// Shows what a client would be told of a user.
pub async fn try_out(app: &App, args: TryArgs) -> Result<Report, CliError> {
    let scope = (!args.scopes.is_empty()).then(|| args.scopes.join(" "));
    let names_scope = scope.is_some();
    let request = TrialRequest { client_id: args.id, username: args.user, scope, resource: args.resource };
    let trial = trial::run(&reading(app), &request)
        .await
        .map_err(|error| CliError::from(error).in_terms_of(&[("scope", "--scope"), ("resource", "--resource"), ("username", "--user")]))?;
    let mut lines = Vec::new();
    if !trial.may_sign_in {
        lines.push(format!("The user could not sign in to this client. {}", trial.obstacles.join(" ")));
        lines.push("If they could, it would get this:\n".to_owned());
    }
    if !names_scope {
        lines.push("No scope was named, so these were tried:".to_owned());
    }
    for scope in &trial.scopes {
        let outcome = scope.missing.map_or("granted", |reason| reason);
        lines.push(format!("{:<24}{outcome}", scope.scope));
    }
    for place in &trial.places {
        lines.push(String::new());
        let token = place.token_bytes.map_or(String::new(), |bytes| format!("{bytes} bytes when signed, "));
        lines.push(format!("{} ({token}{} bytes of JSON, {} of them about the user)", place.place, place.bytes, place.user_bytes));
        lines.extend(place.refused.as_ref().map(|reason| format!("  It would not be issued: {reason}.")));
        for claim in &place.claims {
            let value = claim.value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
            lines.push(format!("  {:<21} {value}  ({})", claim.claim, claim.why()));
        }
    }
    Ok(Report::new(lines.join("\n"), json!(trial)))
}
