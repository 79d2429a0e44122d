//! The pages of the audit trail: the list with its filters, and the list as a file.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::admin::audit::{self, AuditFilter, AuditQuery, AuditView};
use crate::admin::{Fault, Listing, Operation, Refused, Window, csv};
use crate::pages::account::moment;
use crate::pages::admin::shell::Line;
use crate::pages::admin::view::{Cell, Field, Kind, List, Table, encode, mark};
use crate::pages::admin::{Administrator, failed, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

pub(super) const SECTION: &str = "Audit";
pub(super) const PATH: &str = "/admin/audit";
/// The number of events that a file holds at most.
const MOST: usize = 10_000;
/// The number of events of a file that are read at a time.
const AT_ONCE: u64 = 500;
/// The fields by which events are selected.
const FIELDS: [(&str, &str); 11] = [
    ("", "All events"),
    ("user", "About the user"),
    ("client", "About the client"),
    ("group", "About the group"),
    ("role", "About the role"),
    ("attribute", "About the attribute"),
    ("resource", "About the resource"),
    ("event", "With the name"),
    ("actor", "Caused by"),
    ("address", "From the IP address"),
    ("request_id", "Of the request"),
];

/// The parameters of the list and of its file.
const PARAMETERS: [&str; 6] = ["by", "value", "from", "until", "after", "format"];

/// Returns the path of the events about the user, client, group, role, attribute or resource `name`, as `by` says.
pub(super) fn history(by: &str, name: &str) -> String {
    format!("{PATH}?by={by}&value={}", encode(name))
}

/// Returns what the query of a page asks for.
fn asked(query: &PageQuery) -> AuditQuery {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let by = |name: &str| if query.text("by") == name { given(query.text("value")) } else { None };
    AuditQuery {
        user: by("user"),
        client: by("client"),
        event: by("event"),
        actor: by("actor"),
        address: by("address"),
        request_id: by("request_id"),
        object: ["group", "role", "attribute", "resource"].into_iter().find_map(|kind| Some(format!("{kind}:{}", by(kind)?))),
        from: given(query.text("from")),
        until: given(query.text("until")),
    }
}

/// Returns the query of the page for a path.
fn same(query: &PageQuery) -> String {
    let pairs = ["by", "value", "from", "until"].map(|name| format!("{name}={}", encode(query.text(name))));
    pairs.join("&")
}

/// Returns the command that lists the events for which the page was asked.
fn command(query: &PageQuery) -> String {
    let AuditQuery { user, client, event, actor, address, request_id, object, from, until } = asked(query);
    let options = [
        ("--user", user),
        ("--client", client),
        ("--event", event),
        ("--actor", actor),
        ("--address", address),
        ("--request-id", request_id),
        ("--object", object),
        ("--from", from),
        ("--until", until),
    ];
    let line = Line::new("audit list");
    options.into_iter().fold(line, |line, (option, value)| line.option(option, &value.unwrap_or_default())).into()
}

/// Returns what is wrong with the parameters of the query themselves. None is ignored, because the list would then show other events than were
/// asked for.
fn misnamed(query: &PageQuery) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(unknown) = query.names().find(|name| !PARAMETERS.contains(name)) {
        faults.push(Fault::new("query", format!("only the parameters {}", PARAMETERS.join(", "))).found(unknown));
    }
    let (by, value) = (query.text("by"), query.text("value"));
    if !FIELDS.iter().any(|(field, _)| *field == by) {
        let fields: Vec<&str> = FIELDS.iter().map(|(field, _)| *field).filter(|field| !field.is_empty()).collect();
        faults.push(Fault::new("by", format!("one of {}, or nothing for all events", fields.join(", "))).found(by));
    } else if by.is_empty() && !value.is_empty() {
        faults.push(Fault::new("by", "the choice of what the name, id or address belongs to"));
    } else if !by.is_empty() && value.is_empty() {
        faults.push(Fault::new("value", "what the events are selected by, such as the name of a user"));
    }
    if !matches!(query.text("format"), "" | "csv" | "jsonl") {
        faults.push(Fault::new("format", "csv or jsonl").found(query.text("format")));
    }
    faults
}

/// Checks the query. Returns the faults in the words of the form.
async fn check(admin: &Administrator, query: &PageQuery) -> Result<Result<AuditFilter, Vec<Fault>>, PageError> {
    let mut faults = misnamed(query);
    match asked(query).check(&admin.reading()).await {
        Ok(filter) if faults.is_empty() => return Ok(Ok(filter)),
        Ok(_) => {}
        Err(Refused::Invalid(more)) => faults.extend(more.into_iter().map(|fault| match fault.field {
            "from" | "until" => fault,
            own => fault.shown_as(own, "value"),
        })),
        Err(Refused::NotFound { noun, name }) => faults.push(audit::unknown("value", noun, &name)),
        // Without a field that is known, somebody of the help desk seems to ask for all events.
        Err(Refused::Insufficient(_)) if !faults.is_empty() => {}
        Err(other) => return Err(failed(other)),
    }
    Ok(Err(faults))
}

/// `GET /admin/audit`: lists the events.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    // Somebody of the help desk sees the history of one user only.
    let mut fields = FIELDS.to_vec();
    fields.retain(|(field, _)| *field == "user" || admin.may(Operation::AuditList));
    let mut filters = vec![
        Field::new("by", "Events", Kind::Choice(fields)).value(query.text("by")),
        Field::new("value", "Name, id or address", Kind::Text).value(query.text("value")),
        Field::new("from", "From", Kind::Text).value(query.text("from")).hint("A day such as 2026-01-31, or a time in RFC 3339."),
        Field::new("until", "Before", Kind::Text).value(query.text("until")).hint("The day itself is left out."),
    ];
    let (page, error) = match check(&admin, &query).await? {
        Ok(filter) => (audit::list(&admin.reading(), &filter, &window(&query)).await.map_err(failed)?, String::new()),
        Err(faults) => (Listing::whole(Vec::new()), mark(&mut filters, &faults)),
    };
    let row = |event: AuditView| {
        let name = Cell { text: words(&event.event), link: format!("{PATH}/{}", event.id), ..Cell::default() };
        let times = (event.times > 1).then(|| Cell::badge(format!("{} times", event.times), false));
        vec![
            Cell::text(moment(event.at)),
            std::iter::once(name).chain(times).collect(),
            about(&event),
            actor(&event),
            Cell::text(event.address.unwrap_or_default()),
        ]
    };
    let same = same(&query);
    let is_faulty = !error.is_empty();
    // A query that is wrong has no file, and its list is not empty because nothing happened.
    let formats: &[(&str, &str)] = if is_faulty { &[] } else { &[("CSV", "csv"), ("JSON Lines", "jsonl")] };
    let empty = if is_faulty { "No event is listed until the fields above are right." } else { "No event was found." };
    let list = List {
        frame: admin.frame(SECTION, command(&query)).await?,
        heading: "Audit",
        lead: "Every sign-in, authorization, consent and change, newest first. A file holds the first 10,000 events; \
               signet audit list --format csv writes them all.",
        filters,
        path: PATH,
        error,
        files: formats.iter().map(|(label, format)| (*label, format!("{PATH}/download?format={format}&{same}"))).collect(),
        table: Table::new(&["Time", "Event", "About", "Cause", "Address"], empty).filled(page, &format!("{PATH}?{same}"), row),
        ..List::default()
    };
    let mut response = html(&list, Csp::Own)?;
    if is_faulty {
        *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// Writes the name of an event in words.
pub(super) fn words(event: &str) -> String {
    event.replace('_', " ")
}

/// Returns who caused the event.
pub(super) fn actor(event: &AuditView) -> Vec<Cell> {
    match (event.actor_kind.as_str(), &event.actor_username, &event.actor_id) {
        ("user", Some(name), _) => Cell::link("/admin/users", name),
        ("user", None, Some(id)) => Cell::text(format!("deleted user {id}")),
        ("client", _, Some(id)) => vec![object("client", id, event.actor_exists)],
        (kind, ..) => Cell::text(kind),
    }
}

/// Returns the path below which the pages of objects of this kind lie; `None` if they have none.
fn pages_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "attribute" => "/admin/attributes",
        "client" => "/admin/clients",
        "group" => "/admin/groups",
        "resource" => "/admin/resources",
        "role" => "/admin/roles",
        "user" => "/admin/users",
        _ => return None,
    })
}

/// Returns a cell such as `group on-call`, which leads to the page of that object if it exists.
fn object(kind: &str, name: &str, exists: bool) -> Cell {
    let link = pages_of(kind).filter(|_| exists).map_or_else(String::new, |path| format!("{path}/{}", encode(name)));
    let gone = if exists { "" } else { " (removed)" };
    Cell { text: format!("{kind} {name}{gone}"), link, ..Cell::default() }
}

/// Returns what the event is about: the object that was changed, or else the user and the client whom it concerns.
pub(super) fn about(event: &AuditView) -> Vec<Cell> {
    match (event.object_kind.as_deref(), &event.object_name) {
        (Some("user"), None) => user(event).into_iter().collect(),
        (Some(kind), Some(name)) => vec![object(kind, name, event.object_exists != Some(false))],
        (None, Some(name)) => Cell::text(name),
        _ => {
            let client = event.client_id.as_deref().map(|id| object("client", id, event.client_exists));
            match (user(event), client) {
                (Some(user), Some(client)) => [vec![user], Cell::text("at"), vec![client]].concat(),
                (user, client) => user.into_iter().chain(client).collect(),
            }
        }
    }
}

/// Returns the user whom the event concerns.
fn user(event: &AuditView) -> Option<Cell> {
    match (&event.username, event.user_id) {
        (Some(name), _) => Some(object("user", name, true)),
        (None, Some(id)) => Some(Cell { text: format!("deleted user {id}"), ..Cell::default() }),
        (None, None) => None,
    }
}

/// `GET /admin/audit/download`: gives the first events of the list as CSV or as JSON Lines.
pub async fn download(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let filter = check(&admin, &query).await?.map_err(|faults| failed(Refused::Invalid(faults)))?;
    let is_csv = query.text("format") != "jsonl";
    let mut body = if is_csv { csv::line(AuditView::COLUMNS) } else { String::new() };
    let (mut after, mut written) = (None, 0);
    while written < MOST {
        let page = audit::list(&admin.reading(), &filter, &Window { after, limit: AT_ONCE }).await.map_err(failed)?;
        for event in &page.items {
            let row = serde_json::to_value(event).map_err(PageError::server_error)?;
            body += &if is_csv { csv::row(&AuditView::COLUMNS, &row) } else { format!("{row}\n") };
        }
        written += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let cut = if after.is_some() { "-first-10000" } else { "" };
    let (media_type, end) = if is_csv { ("text/csv; charset=utf-8", "csv") } else { ("application/jsonl; charset=utf-8", "jsonl") };
    let name = HeaderValue::from_str(&format!("attachment; filename=\"audit{cut}.{end}\"")).map_err(PageError::server_error)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}
