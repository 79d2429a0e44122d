//! The page of one event of the audit trail, with what it changed.

use axum::extract::Path;
use axum::response::Response;
use serde_json::Value;

use crate::admin::{Listing, Refused, audit};
use crate::clock::{UnixSeconds, date};
use crate::pages::admin::audit::{SECTION, about, actor, history, words};
use crate::pages::admin::view::{Cell, Detail, Section, Table};
use crate::pages::admin::{Administrator, failed};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, html};

/// `GET /admin/audit/{id}`: shows an event.
pub async fn show(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    let Ok(id) = id.parse() else { return Err(failed(Refused::not_found("event", id))) };
    let event = audit::show(&admin.reading(), id).await.map_err(failed)?;
    let mut facts = vec![("Time", Cell::text(time(event.at))), ("Cause", actor(&event)), ("Through", Cell::text(words(&event.face)))];
    let mut add = |label, cells: Vec<Cell>| {
        if !cells.is_empty() {
            facts.push((label, cells));
        }
    };
    add("About", about(&event));
    add("Its id", event.object_id.as_deref().filter(|id| event.object_name.as_deref() != Some(*id)).map_or_else(Vec::new, Cell::text));
    add("Address", event.address.as_deref().map_or_else(Vec::new, Cell::text));
    add("Browser", event.user_agent.as_deref().map_or_else(Vec::new, Cell::text));
    let of_request = |id: &str| Cell { text: id.to_owned(), link: history("request_id", id), ..Cell::default() };
    add("Request", event.request_id.as_deref().map_or_else(Vec::new, |id| vec![of_request(id)]));
    add("Authorization", event.authorization_id.map_or_else(Vec::new, |id| Cell::text(id.to_string())));
    add("Failures", event.last_at.map_or_else(Vec::new, |at| Cell::text(format!("{}, the last one at {}", event.times, time(at)))));
    let detail = event.detail.as_object().into_iter().flatten();
    let detail = detail.map(|(name, value)| vec![Cell::text(words(name)), Cell::text(shown(value))]).collect::<Vec<_>>();
    let mut sections = vec![Section { facts, ..Section::default() }];
    if !detail.is_empty() {
        let table = Table::new(&["Field", "Value"], "").filled(Listing::whole(detail), "", |row| row);
        sections.push(Section { title: "Details", table: Some(table), ..Section::default() });
    }
    let changes = changes(event.before.as_ref(), event.after.as_ref());
    if event.before.is_some() || event.after.is_some() {
        let table = Table::new(&["Field", "Before", "After"], "No field was changed.").filled(Listing::whole(changes), "", |row| row);
        sections.push(Section {
            title: "What changed",
            lead: "Values of a user who was deleted since are gone.".to_owned(),
            table: Some(table),
            ..Section::default()
        });
    }
    let detail = Detail {
        frame: admin.frame(SECTION, format!("signet audit show {id}")).await?,
        heading: format!("Event {id}: {}", words(&event.event)),
        sections,
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

fn time(at: UnixSeconds) -> String {
    date(at)
}

/// Returns a value as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Array(items) if items.is_empty() => "–".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Returns the fields whose values differ, each with the value before and after.
fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Vec<Vec<Cell>>> {
    let fields = |state: Option<&Value>| state.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).collect();
    names.sort();
    let (nothing, differs) = (Value::Null, |name: &&&String| before.get(**name) != after.get(**name));
    let value = |state: &serde_json::Map<String, Value>, name: &String| Cell::text(shown(state.get(name).unwrap_or(&nothing)));
    names.iter().filter(differs).map(|name| vec![Cell::text(words(name)), value(&before, name), value(&after, name)]).collect()
}
