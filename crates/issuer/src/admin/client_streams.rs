//! The streams of Shared Signals of a client, as administrators see them.

use std::collections::HashMap;

use serde::Serialize;

use crate::clock::{UnixSeconds, rfc3339, rfc3339_or_none};
use crate::store::streams::{self, StreamRow, queue};
use crate::store::{ConnectionTrait, StoreError};

/// A stream of security events. The header that its receiver wants is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StreamView {
    pub stream_id: String,
    pub description: Option<String>,
    /// How events come to the receiver: `poll` or `push`.
    pub method: String,
    /// The URL of the receiver. `None` for the method `poll`.
    pub endpoint_url: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    pub status: String,
    /// The reason for the status. `None` if none was given.
    pub reason: Option<String>,
    /// The number of events that the receiver has not acknowledged.
    pub waiting: i64,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    /// The last time that the receiver acknowledged events, to about a minute.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<UnixSeconds>,
    /// The time since which the receiver has accepted no event that was pushed.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<UnixSeconds>,
    pub last_error: Option<String>,
}

/// Returns the streams of the client `id`, oldest first.
pub(super) async fn of(db: &impl ConnectionTrait, id: &str) -> Result<Vec<StreamView>, StoreError> {
    let rows = streams::of_client(db, id).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let waiting = streams::waiting(db, rows.iter().map(|row| row.id.as_str())).await?;
    let waiting: HashMap<String, i64> = waiting.into_iter().map(|queue| (queue.receiver, queue.events)).collect();
    let view = |row: StreamRow| StreamView {
        waiting: waiting.get(&queue(&row.id)).copied().unwrap_or_default(),
        stream_id: row.id,
        description: row.description,
        method: row.method,
        endpoint_url: row.endpoint_url,
        status: row.status,
        reason: row.reason,
        created_at: row.created_at,
        delivered_at: row.delivered_at,
        failing_since: row.failing_since,
        last_error: row.last_error,
    };
    Ok(rows.into_iter().map(view).collect())
}
