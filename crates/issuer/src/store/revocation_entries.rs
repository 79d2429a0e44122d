//! The entries of the feed of revocations, and their order.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use crate::clock::UnixSeconds;
use crate::store::query::{database_time, text};
use crate::store::{Store, StoreError, commit};

/// A revocation, as the feed reads it.
#[derive(Debug, Clone, FromQueryResult)]
pub struct RevocationRow {
    /// The place in the order of all entries. An entry that can be read with its place can be read with all entries before it. `None` on
    /// PostgreSQL until a node has given it one ([`give_places`]).
    pub sequence: Option<i64>,
    /// A random id, which tells the entry from another that has the same place in a restored database.
    pub id: Vec<u8>,
    /// The handle that is refused. `None` if the entry is about a key.
    pub grant_id: Option<Vec<u8>>,
    /// The key whose signatures are refused.
    pub kid: Option<String>,
    /// The seconds since the entry was written, by the clock of the database.
    pub age: i64,
}

/// Returns all revocations from the place `first` on, in the order of their places, and, in any place, one of those that have none yet.
pub async fn from(db: &impl ConnectionTrait, first: i64) -> Result<Vec<RevocationRow>, StoreError> {
    let columns = format!("SELECT sequence, id, grant_id, kid, {} - at AS age FROM revocations", database_time(db));
    let sql = format!(
        "{columns} WHERE sequence >= $1 UNION ALL SELECT * FROM ({columns} WHERE sequence IS NULL LIMIT 1) AS unordered ORDER BY sequence"
    );
    Ok(RevocationRow::find_by_statement(text(db, sql, [first.into()])).all(db).await?)
}

/// The most revocations that get their places in one transaction.
const PLACES_AT_ONCE: u64 = 10_000;

#[derive(FromQueryResult)]
struct Order {
    last: i64,
}

/// Gives the committed revocations that have no place yet the next places. What is committed meanwhile gets its place the next time.
///
/// One transaction at a time does this, by the lock of one row, and it sees all places that those before it gave. So the entries of a
/// transaction that commits late, however late that is, come after those that were read before.
pub async fn give_places(store: &Store) -> Result<(), StoreError> {
    loop {
        let transaction = store.begin().await?;
        let db = &transaction;
        // The next statement must begin after this lock was taken, so that it sees what the transaction before it wrote.
        let lock = if db.get_database_backend() == DbBackend::Postgres { " FOR UPDATE" } else { "" };
        let last = Order::find_by_statement(text(db, format!("SELECT last FROM revocation_order WHERE id = 1{lock}"), [])).all(db).await?;
        let last = last.first().map_or(0, |order| order.last);
        let unordered = format!("SELECT id FROM revocations WHERE sequence IS NULL LIMIT {PLACES_AT_ONCE}");
        let sql = format!(
            "UPDATE revocations SET sequence = $1 + places.place FROM (SELECT id, row_number() OVER () AS place FROM ({unordered}) AS unordered) \
             AS places WHERE revocations.id = places.id"
        );
        let given = db.execute_raw(text(db, sql, [last.into()])).await?.rows_affected();
        let counted = "UPDATE revocation_order SET last = last + $1 WHERE id = 1";
        db.execute_raw(text(db, counted, [given.cast_signed().into()])).await?;
        commit(transaction).await?;
        if given < PLACES_AT_ONCE {
            return Ok(());
        }
    }
}

/// Deletes up to `limit` revocations of `handles` that were written more than that many seconds ago, and of `keys` that were written more than
/// that many seconds ago, which is longer; returns their number. The time is that at which the statement began: PostgreSQL uses no index for a
/// comparison with `clock_timestamp`, which may change while the statement runs.
pub async fn purge(db: &impl ConnectionTrait, handles: UnixSeconds, keys: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    let now = database_time(db).replace("clock_timestamp", "statement_timestamp");
    // The keys are few, so the first condition, for which there is an index, finds the rows.
    let old = format!("at < {now} - $1 AND (kid IS NULL OR at < {now} - $2)");
    let sql = format!("DELETE FROM revocations WHERE id IN (SELECT id FROM revocations WHERE {old} LIMIT $3)");
    Ok(db.execute_raw(text(db, sql, [handles.into(), keys.into(), limit.into()])).await?.rows_affected())
}
