//! The database: SQLite on one machine, PostgreSQL for several nodes. Only this room imports SeaORM.
//!
//! Queries are plain functions over `&impl ConnectionTrait`. Every decision that must still be true at the commit rests on the
//! number of rows that a statement changed, or on a row that it locked, never on what an earlier statement read.
//!
//! A query that finds one row calls `all` and takes the row. `one` would add `LIMIT ?`, and SQLite compiles a statement again each
//! time when a value is bound to its limit.
//!
//! # The order of locks
//!
//! Transactions lock rows in this order, so that two of them never wait for each other in a circle:
//!
//! 1. the row `admin` of `scopes`, in operations that may reduce the number of administrators
//! 2. `attempts`: the counter of the account, then that of the address
//! 3. `browsers` or `waiting_requests`, one row
//! 4. `users`, then `attributes`, one row, where claims of clients may come from it, then `clients`, each by `id`
//! 5. `groups`, by `id`, then `roles`
//! 6. `consents`
//! 7. `sessions`, by `sid`
//! 8. `authorization_codes`
//! 9. `authorizations`, by `id`. A change that takes access from many, or from the users of a client, first takes an advisory lock, which only
//!    such changes take: it looks for authorizations again after `access_changes`
//! 10. `access_changes`; whoever inserts an authorization locks it before
//! 11. `password_links`, then `devices`, of one user
//! 12. `streams`, one at a time
//! 13. `outbox`, one row
//! 14. `revocation_order`; a transaction that locks it first writes `revocations` afterwards, and nothing else
//! 15. `sign_in_failures`: the counter of the account, then that of the address; a failure is a transaction of its own
//!
//! A transaction that skips some of these tables locks the others in this order. PostgreSQL locks the rows. SQLite has one writer
//! at a time, so the query builder leaves the row locks out of its statements.

pub mod activity;
mod allowed_scope;
pub mod attempts;
pub mod attributes;
pub mod audit_events;
pub mod audit_objects;
pub mod authorization_codes;
pub mod authorizations;
mod availability;
mod batch;
pub mod browsers;
mod bulk;
pub mod client_assertions;
pub mod client_claims;
pub mod client_groups;
pub mod client_logos;
pub mod client_refusals;
pub mod client_secrets;
pub mod client_terms;
pub mod clients;
mod connect;
pub mod consents;
pub mod devices;
mod entity;
mod error;
pub mod framing;
pub mod groups;
mod inserts;
mod last_use;
pub mod members;
pub mod outbox;
pub mod password_links;
pub mod person;
mod private_file;
mod query;
pub mod registration_tokens;
pub mod resources;
pub mod retired_names;
pub mod revocation_entries;
pub mod revocations;
pub mod roles;
mod same_file;
pub mod schema;
pub mod scope_changes;
pub mod search;
pub mod session_clients;
pub mod sessions;
pub mod sign_in_failures;
pub mod signing_keys;
pub mod stream_queue;
pub mod streams;
mod terms;
mod turn;
pub mod user_terms;
pub mod user_versions;
pub mod users;
pub mod waiting_requests;
mod word_list;

pub use error::StoreError;
pub use inserts::Inserts;
/// A connection or a transaction, on which queries run.
pub use sea_orm::ConnectionTrait;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::config::database_url::DatabaseUrl;
use authorizations::{Advance, AuthorizationRow};
use availability::{Availability, Retired, within};
use batch::Batcher;
use clients::Client;
use connect::Connections;
use last_use::LastUses;
use turn::Turn;
use users::User;

/// A write transaction, which [`Store::begin`] begins and [`commit`] ends.
pub type Transaction = DatabaseTransaction;

/// The connections to the database. On SQLite one connection writes and several read; on PostgreSQL one pool does both.
#[derive(Debug, Clone)]
pub struct Store {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    clients: Batcher<String, Option<Client>>,
    authorizations: Batcher<Uuid, Option<(AuthorizationRow, User)>>,
    advances: Batcher<Advance, bool>,
    availability: Arc<Availability>,
    uses: LastUses,
    turn: Option<Arc<Turn>>,
    /// The SQLite file, by its path without links; `None` on PostgreSQL.
    file: Option<Arc<Path>>,
}

impl Store {
    /// Connects to `url`, for a process that serves up to `max_connections` at once. Creates the SQLite file if it does not exist.
    pub async fn connect(url: &DatabaseUrl, max_connections: usize) -> Result<Self, StoreError> {
        let queue = (max_connections / 4).max(1);
        let retired: Arc<Retired> = Arc::default();
        let Connections { reader, writer, turn, file } = connect::connect(url, max_connections, &retired).await?;
        let (clients, users, advances) = (reader.clone(), reader.clone(), writer.clone());
        let [of_clients, of_users, of_advances] = [(); 3].map(|()| Arc::clone(&retired));
        Ok(Self {
            reader,
            writer,
            clients: Batcher::start(queue, move |ids| within(Arc::clone(&of_clients), clients::by_ids(clients.clone(), ids))),
            authorizations: Batcher::start(queue, move |ids| within(Arc::clone(&of_users), authorizations::with_users(users.clone(), ids))),
            advances: Batcher::start(queue, move |steps| {
                within(Arc::clone(&of_advances), authorizations::advance(advances.clone(), steps))
            }),
            availability: Arc::new(Availability::new(retired)),
            uses: LastUses::default(),
            turn,
            file: file.map(Arc::from),
        })
    }

    /// Returns the client `id` with the scopes that it may ask for.
    pub async fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        if !clients::can_be_id(id) {
            return Ok(None);
        }
        self.clients.ask(id.to_owned()).await
    }

    /// Returns the authorization `id` with its user.
    pub async fn authorization(&self, id: Uuid) -> Result<Option<(AuthorizationRow, User)>, StoreError> {
        self.authorizations.ask(id).await
    }

    /// Advances an authorization by one generation, as a transaction of its own. Returns `false` if the authorization is not live
    /// at the generation of `step`, for example because another request advanced it first, or if its user or client is disabled.
    pub async fn advance(&self, step: Advance) -> Result<bool, StoreError> {
        self.advances.ask(step).await
    }

    /// Notes that the client `id` was used at `now`, with the secret that has the hash `secret`. Writes nothing.
    pub fn note_use(&self, id: &str, secret: Option<String>, now: UnixSeconds) {
        self.uses.note(id, secret, now);
    }

    /// Writes the uses of clients that [`Store::note_use`] has noted since the last time.
    pub async fn flush_uses(&self) -> Result<(), StoreError> {
        self.uses.flush(&self.writer).await
    }

    /// The connections that read. On SQLite they refuse to write.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The connection on which a single statement writes, as a transaction of its own.
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a write transaction. On SQLite it takes the write lock at once, because a transaction that reads first and
    /// writes later fails with "database is locked" whenever another one has written in between.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where transactions begin")]
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// Checks that the database can be written, at most once a second. Fails with the reason, in words that anybody may read. `now` is the
    /// time of the monotonic clock.
    pub async fn check(&self, now: Duration) -> Result<(), &'static str> {
        self.availability.check(&self.writer, now).await
    }

    /// Says what is damaged in the file of SQLite, which is read as a whole; `None` if nothing is, or if the database is PostgreSQL.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        availability::damage(&self.reader).await
    }

    /// Notes that a request has failed because the database could not be reached or written. The connections are not used again, because
    /// they may lead to a server that was demoted.
    pub fn distrust(&self, now: Duration) {
        self.availability.distrust(now);
    }

    /// Lets no connection that is open now be used again, because it may lead to a server that was demoted.
    pub fn retire_connections(&self) {
        self.availability.retire_connections();
    }

    /// Returns the answer of `work`, which nobody else gives up: that of a background job, or one for which many requests wait. Fails if none
    /// comes within 11 s, and lets no connection that is open now be used again.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.availability.within(work).await
    }

    /// Returns the answer of `work`, as [`Store::within`] does. While there is none, it begins `work` once more after each `pause`, on a new
    /// connection, since the network may have lost the one before without a word. The first answer counts.
    pub async fn within_again<T, F>(&self, pause: Duration, work: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.availability.within_again(pause, work).await
    }

    /// Closes all connections. On SQLite this also moves the write-ahead log into the database file.
    pub async fn close(self) -> Result<(), StoreError> {
        self.reader.close_by_ref().await?;
        Ok(self.writer.close_by_ref().await?)
    }
}

/// Undoes everything that `transaction` did.
pub async fn roll_back(transaction: Transaction) -> Result<(), StoreError> {
    Ok(transaction.rollback().await?)
}

/// Commits `transaction`. Dropping a transaction instead rolls it back.
pub async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    Ok(transaction.commit().await?)
}
