//! The check of the streams of Shared Signals.

use crate::admin::checks::Finding;
use crate::clock::date;
use crate::oauth::ssf::Status;
use crate::store::Store;
use crate::store::streams::{self, StreamRow};

/// The largest number of streams that findings name.
const MOST_NAMED: u64 = 10;

/// Names the streams whose receivers do not take their events.
pub(super) async fn check(store: &Store) -> Vec<Finding> {
    const CHECK: &str = "shared signals";
    match streams::troubled(store.reader(), MOST_NAMED).await {
        Ok(streams) => streams.iter().map(|row| Finding::bad(CHECK, trouble(row))).collect(),
        Err(error) => vec![Finding::bad(CHECK, error.to_string())],
    }
}

/// Says of a stream since when which events do not arrive, why, and what to do about it.
fn trouble(row: &StreamRow) -> String {
    let StreamRow { id, client_id: client, status, .. } = row;
    let receiver = row.endpoint_url.as_ref().map_or_else(|| "its receiver".to_owned(), |url| format!("its receiver {url}"));
    let why = |text: &Option<String>| text.clone().unwrap_or_else(|| "nobody said why".to_owned());
    let what = match (row.overflowed_at, row.failing_since) {
        (Some(at), _) => format!("loses its events since {}: {}", date(at), why(&row.reason)),
        (None, since) => {
            let since = since.map(|at| format!(" since {}", date(at))).unwrap_or_default();
            format!("delivers nothing{since}, because {receiver} takes no event: {}", why(&row.last_error))
        }
    };
    let remedy = if status == Status::Enabled.name() {
        "Make the receiver answer with status 202. Then the events that wait are sent by themselves; otherwise the stream is paused within an \
         hour"
            .to_owned()
    } else if status == Status::Paused.name() {
        format!("Make the receiver take events. Then let it set the status to enabled, or run signet client stream resume {client} {id}")
    } else {
        "Make the receiver take events, and let it set the status to enabled, which only the receiver can".to_owned()
    };
    format!("the stream {id} of the client {client} is {status} and {what}. {remedy}")
}
