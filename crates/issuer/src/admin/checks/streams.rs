//! The check of the streams of Shared Signals.

use crate::admin::checks::Finding;
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

fn trouble(row: &StreamRow) -> String {
    let said = row.reason.as_deref().or(row.last_error.as_deref()).unwrap_or("its receiver does not accept events");
    let remedy = "its receiver must take its events and set the status to enabled";
    format!("the stream {} of the client {} is {}: {said}; {remedy}", row.id, row.client_id, row.status)
}
