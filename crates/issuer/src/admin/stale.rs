//! What an administrator looks after from time to time: accounts and clients that nobody uses, and secrets that are old.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::{Operation, Reading, Refused};
use crate::clock::{DAY, UnixSeconds, rfc3339, rfc3339_or_none};
use crate::store::{client_secrets, clients, users};

/// The number of things of each kind that are listed.
const LISTED: usize = 10;
/// The number of days without use after which an account or a client is listed.
pub const UNUSED_DAYS: i64 = 90;

/// The first things of a kind, with the longest unused or oldest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct First<V> {
    /// At most ten.
    pub items: Vec<V>,
    /// `true` if there are others.
    pub more: bool,
}

impl<V> First<V> {
    fn of<R>(mut rows: Vec<R>, view: impl Fn(R) -> V) -> Self {
        let more = rows.len() > LISTED;
        rows.truncate(LISTED);
        Self { items: rows.into_iter().map(view).collect(), more }
    }
}

/// A user who has not signed in for a long time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct StaleUser {
    pub id: Uuid,
    pub username: String,
    pub name: Option<String>,
    /// `None` if the user has never signed in.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sign_in_at: Option<UnixSeconds>,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
}

/// A client that has not asked for tokens for a long time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct UnusedClient {
    pub client_id: String,
    pub client_name: String,
    /// `None` if it was never used.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<UnixSeconds>,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
}

/// A secret that is old.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct OldSecret {
    pub client_id: String,
    pub age_days: i64,
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<UnixSeconds>,
}

/// What was not used for [`UNUSED_DAYS`], and secrets older than the setting `client_secret_max_age_days`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Stale {
    pub users: First<StaleUser>,
    pub clients: First<UnusedClient>,
    pub secrets: First<OldSecret>,
}

/// Returns the enabled users and clients that nobody has used for a long time, and the secrets that are old.
pub async fn stale(reading: &Reading<'_>) -> Result<Stale, Refused> {
    let app = reading.permit(Operation::StaleList)?;
    let (db, now, limit) = (app.store.reader(), app.now(), LISTED as u64 + 1);
    let before = now - UNUSED_DAYS * DAY;
    let user = |row: users::UserRow| StaleUser {
        id: row.id,
        username: row.username,
        name: row.name,
        last_sign_in_at: row.last_sign_in_at,
        created_at: row.created_at,
    };
    let client = |row: clients::ClientRow| UnusedClient {
        client_id: row.id,
        client_name: row.client_name,
        last_used_at: row.last_used_at,
        created_at: row.created_at,
    };
    let secret = |row: client_secrets::SecretRow| OldSecret {
        client_id: row.client_id,
        age_days: (now - row.created_at) / DAY,
        last_used_at: row.last_used_at,
    };
    let old = now - i64::from(app.settings.client_secret_max_age_days) * DAY;
    Ok(Stale {
        users: First::of(users::stale(db, before, limit).await?, user),
        clients: First::of(clients::stale(db, before, limit).await?, client),
        secrets: First::of(client_secrets::older_than(db, old, now, limit).await?, secret),
    })
}
