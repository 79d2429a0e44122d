//! The streams of Shared Signals on the page of a client.

use crate::admin::Listing;
use crate::admin::client_streams::StreamView;
use crate::admin::clients::ClientView;
use crate::pages::account::moment;
use crate::pages::admin::view::{Cell, Section, Table};

/// Returns the section about the streams of `client`, whose page lies at `path`. `None` if it has none and may make none.
pub(super) fn section(client: &ClientView, path: &str) -> Option<Section> {
    let streams = client.streams.clone().unwrap_or_default();
    let may_have = client.scope.split(' ').any(|scope| scope == "ssf.manage");
    if streams.is_empty() && !may_have {
        return None;
    }
    let whom = if client.signals_of_all_users { "all users" } else { "the users who have authorized it" };
    let table = Table::new(&["Stream", "Delivery", "Status", "Waiting", "Last acknowledged"], "It has made none.");
    Some(Section {
        title: "Streams of Shared Signals",
        lead: format!("They tell it of sessions that end and passwords that change, of {whom}."),
        table: Some(table.filled(Listing::whole(streams), path, row)),
        ..Section::default()
    })
}

fn row(stream: StreamView) -> Vec<Vec<Cell>> {
    let name = stream.description.map_or_else(|| stream.stream_id.clone(), |text| format!("{text} ({})", stream.stream_id));
    let delivery = stream.endpoint_url.map_or_else(|| stream.method.clone(), |url| format!("push to {url}"));
    let mut status = vec![Cell::badge(stream.status.clone(), stream.status == "enabled")];
    let failing = stream.failing_since.map(|since| format!("Nothing was accepted since {}.", moment(since)));
    let said = [stream.reason, failing, stream.last_error.map(|error| format!("Last error: {error}"))];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if !said.is_empty() {
        status.extend(Cell::text(said.join("\n")));
    }
    vec![
        Cell::text(name),
        Cell::text(delivery),
        status,
        Cell::text(stream.waiting.to_string()),
        Cell::text(stream.delivered_at.map_or_else(|| "never".to_owned(), moment)),
    ]
}
