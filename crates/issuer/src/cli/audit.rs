//! `signet audit`: reads the audit trail, the activity of the last hours, and the last refusals of a client.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::admin::audit::{self, AuditQuery, AuditView};
use crate::admin::{Window, activity, csv};
use crate::app::App;
use crate::cli::pages::{Pages, print};
use crate::cli::report::Report;
use crate::cli::table::cell;
use crate::cli::{Arguments, CliError, PAGE, reading, rows_of};

const COLUMNS: [&str; 8] = ["at", "event", "object", "actor", "user", "client_id", "address", "times"];
const ARGUMENTS: Arguments<'_> = &[
    ("user", "--user"),
    ("client", "--client"),
    ("event", "--event"),
    ("actor", "--actor"),
    ("address", "--address"),
    ("request_id", "--request-id"),
    ("object", "--object"),
    ("from", "--from"),
    ("until", "--until"),
    ("hours", "--hours"),
];

/// The subcommands of `signet audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List events, newest first; at most one filter beside the times
    List(Box<ListArgs>),
    /// Count the sign-ins and tokens of the last hours
    Activity {
        /// Number of hours, the present one included
        #[arg(long, default_value_t = 24)]
        hours: u32,
        /// Only tokens and failed sign-ins of this client
        #[arg(long, value_name = "ID")]
        client: Option<String>,
    },
    /// Show an event with what it changed, as JSON
    Show {
        /// Number of the event
        event: i64,
    },
    /// List the last 20 requests of a client that were refused, newest first
    Refusals {
        /// Id of the client
        client: String,
    },
}

/// The arguments of `signet audit list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only events about this user; a deleted user is named by their id
    #[arg(long, value_name = "USERNAME OR ID")]
    user: Option<String>,
    /// Only events about this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Only events of this name, such as signed_in
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Only events of this cause: operator, issuer, registration, stranger, user:NAME or client:ID
    #[arg(long)]
    actor: Option<String>,
    /// Only events of requests from this IP address
    #[arg(long)]
    address: Option<String>,
    /// Only events of the request with this id, which its log lines carry
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Only events that changed this: attribute:NAME, group:NAME, resource:IDENTIFIER or role:NAME; what was removed is named by its id
    #[arg(long, value_name = "KIND:NAME")]
    object: Option<String>,
    /// Only events from this time on, such as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Stop after this many events
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// How to print the events; jsonl and csv print every field [default: table]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// A form in which events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
    Csv,
}

/// Runs `command`. `json` asks for one JSON value.
pub async fn run(app: &App, command: AuditCommand, json: bool) -> Result<Report, CliError> {
    match command {
        AuditCommand::List(arguments) => list(app, *arguments, json).await.map_err(|error| error.in_terms_of(ARGUMENTS)),
        AuditCommand::Activity { hours, client } => {
            let hours = activity::hours(&reading(app), client.as_deref(), hours).await;
            let rows = rows_of(hours.map_err(|error| CliError::from(error).in_terms_of(ARGUMENTS))?);
            let columns: Vec<&str> = std::iter::once("hour").chain(crate::audit::activity::KINDS).collect();
            Ok(Report::table(&columns, rows))
        }
        AuditCommand::Show { event } => {
            let event = audit::show(&reading(app), event).await?;
            let text = serde_json::to_string_pretty(&event).unwrap_or_default();
            Ok(Report::new(text, serde_json::json!(event)))
        }
        AuditCommand::Refusals { client } => {
            Ok(Report::table(&["at", "error", "redirect_uri", "reason"], rows_of(audit::refusals(&reading(app), &client).await?)))
        }
    }
}

/// Prints the events page by page, so that the memory does not grow with their number.
async fn list(app: &App, arguments: ListArgs, json: bool) -> Result<Report, CliError> {
    let ListArgs { user, client, event, actor, address, request_id, object, from, until, limit, format } = arguments;
    let query = AuditQuery { user, client, event, actor, address, request_id, object, from, until };
    let filter = query.check(&reading(app)).await?;
    let format = format.or_else(|| (!json).then_some(Format::Table));
    let mut pages = Pages::new(&COLUMNS, format.is_none());
    let (mut after, mut left, mut is_first) = (None, limit.unwrap_or(u64::MAX), true);
    loop {
        let page = audit::list(&reading(app), &filter, &Window { after, limit: PAGE.min(left) }).await?;
        left -= page.items.len() as u64;
        after = page.next;
        let is_last = after.is_none() || left == 0;
        let rows = rows_of(page.items);
        let text = match format {
            Some(Format::Jsonl) => rows.iter().fold(String::new(), |text, row| text + &row.to_string() + "\n"),
            Some(Format::Csv) => {
                let header = if is_first { csv::line(AuditView::COLUMNS) } else { String::new() };
                header + &rows.iter().map(|row| csv::row(&AuditView::COLUMNS, row)).collect::<String>()
            }
            Some(Format::Table) => pages.page(&rows.iter().map(cells).collect::<Vec<_>>(), is_last),
            None => pages.page(&rows, is_last),
        };
        is_first = false;
        print(&text)?;
        if is_last {
            return Ok(Report::new("", Value::Null));
        }
    }
}

/// Returns the cells of an event in the table, by column.
fn cells(row: &Value) -> Value {
    let name = |names: [&str; 2]| names.iter().map(|name| cell(&row[*name])).find(|cell| !cell.is_empty()).unwrap_or_default();
    let value = |column: &str| match column {
        "actor" => match name(["actor_username", "actor_id"]) {
            id if id.is_empty() => cell(&row["actor_kind"]),
            id => id,
        },
        "user" => name(["username", "user_id"]),
        "object" => [cell(&row["object_kind"]), cell(&row["object_name"])].join(" ").trim().to_owned(),
        other => cell(&row[other]),
    };
    COLUMNS.iter().map(|column| ((*column).to_owned(), Value::String(value(column)))).collect::<Map<_, _>>().into()
}
