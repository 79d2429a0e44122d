//! The streams of Shared Signals on the page of a client, and their buttons.

use axum::response::Response;

use crate::admin::Listing;
use crate::admin::client_streams::{self, StreamView};
use crate::admin::clients::ClientView;
use crate::pages::account::moment;
use crate::pages::admin::view::{Button, Cell, Section, Table};
use crate::pages::admin::{AdminForm, Confirmation, failed, shell};
use crate::web::error::page::PageError;
use crate::web::html::Hidden;

/// Returns the section about the streams of `client`, whose page lies at `path`. `None` if it has none and may make none.
/// `may_change` says whether there are buttons.
pub(super) fn section(client: &ClientView, path: &str, may_change: bool) -> Option<Section> {
    let streams = client.streams.clone().unwrap_or_default();
    let may_have = client.scope.split(' ').any(|scope| scope == "ssf.manage");
    if streams.is_empty() && !may_have {
        return None;
    }
    let whom = if client.signals_of_all_users { "all users" } else { "the users who have authorized it" };
    let columns = ["Stream", "Delivery", "Status", "Waiting", "Last acknowledged", "Action"];
    let columns = if may_change { &columns[..] } else { &columns[..5] };
    let table = Table::new(columns, "It has made none.");
    Some(Section {
        title: "Streams of Shared Signals",
        lead: format!("They tell it of sessions that end and passwords that change, of {whom}."),
        table: Some(table.filled(Listing::whole(streams), path, |stream| row(stream, path, may_change))),
        ..Section::default()
    })
}

fn row(stream: StreamView, path: &str, may_change: bool) -> Vec<Vec<Cell>> {
    let button = |label: &'static str, action: &str| {
        let mut button = Button { about: format!("the stream {}", stream.stream_id), ..Button::new(label, path, action) };
        button.fields.push(Hidden::new("stream", &stream.stream_id));
        button
    };
    let mut buttons = match stream.status.as_str() {
        "enabled" => Cell::button(button("Pause", "pause-stream")),
        "paused" => Cell::button(button("Resume", "resume-stream")),
        // The receiver has disabled it, so only the receiver can enable it.
        _ => Vec::new(),
    };
    buttons.extend(Cell::button(button("Remove", "remove-stream").danger()));
    let name = stream.description.map_or_else(|| stream.stream_id.clone(), |text| format!("{text} ({})", stream.stream_id));
    let delivery = stream.endpoint_url.map_or_else(|| stream.method.clone(), |url| format!("push to {url}"));
    let mut status = vec![Cell::badge(stream.status.clone(), stream.status == "enabled")];
    let failing = stream.failing_since.map(|since| format!("Nothing was accepted since {}.", moment(since)));
    let said = [stream.reason, failing, stream.last_error.map(|error| format!("Last error: {error}"))];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if !said.is_empty() {
        status.extend(Cell::text(said.join("\n")));
    }
    let mut cells = vec![
        Cell::text(name),
        Cell::text(delivery),
        status,
        Cell::text(stream.waiting.to_string()),
        Cell::text(stream.delivered_at.map_or_else(|| "never".to_owned(), moment)),
    ];
    if may_change {
        cells.push(buttons);
    }
    cells
}

/// Does with a stream of `client` what the button `action` says. The last two are the section and the path of the client's page.
pub(super) async fn act(
    form: &AdminForm,
    client: &ClientView,
    action: &str,
    (section, path): (&'static str, &str),
) -> Result<Response, PageError> {
    let (id, stream) = (client.client_id.as_str(), form.text("stream"));
    let known = client.streams.iter().flatten().find(|known| known.stream_id == stream);
    let (lead, submit) = match action {
        "resume-stream" => {
            form.admin.change(|change| Box::pin(client_streams::set_paused(change, id, &stream, false))).await.map_err(failed)?;
            return form.admin.done("resumed", path);
        }
        "pause-stream" => (
            "Its events wait until it goes on: up to 1,000 of them, and later ones are lost. Its receiver is told, and may let it go on itself."
                .to_owned(),
            "Pause the stream",
        ),
        _ => {
            let waiting = known.map_or(0, |known| known.waiting);
            (format!("Events that wait in it are lost: {waiting}. Its receiver is told nothing, and may make another."), "Remove the stream")
        }
    };
    let command = if action == "pause-stream" { "client stream pause" } else { "client stream remove" };
    let command = shell::line(command, &[id, &stream], "");
    let heading = format!("{submit} {stream}?");
    let asked = Confirmation { section, heading, lead, path: path.to_owned(), back: path.to_owned(), submit, command };
    if let Some(page) = form.agreed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    if action == "pause-stream" {
        admin.change(|change| Box::pin(client_streams::set_paused(change, id, &stream, true))).await.map_err(failed)?;
        return admin.done("paused", path);
    }
    admin.change(|change| Box::pin(client_streams::remove(change, id, &stream))).await.map_err(failed)?;
    admin.done("removed", path)
}
