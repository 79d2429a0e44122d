//! Migrations, under one lock, in one transaction with the rows of the first start.

use sea_orm::ConnectionTrait;
use signet_migrations::{Migrator, MigratorTrait};

use crate::store::{Store, StoreError, Transaction, execute, query_one};

/// Tries to make the lock's table: on PostgreSQL two nodes that create it at once may both fail.
const LOCK_TRIES: u32 = 10;

/// Begins a transaction that holds the schema lock, and applies what migrations are missing in it. The caller commits.
pub async fn migrate(store: &Store) -> Result<Transaction, StoreError> {
    let mut tries = 1;
    while let Err(error) = make_lock(store).await {
        if tries == LOCK_TRIES {
            return Err(error);
        }
        tries += 1;
    }
    let transaction = store.begin().await?;
    execute(&transaction, "UPDATE schema_lock SET id = 1 WHERE id = 1", []).await?;
    if is_newer(&transaction).await? {
        return Err(StoreError::NewerSchema);
    }
    Migrator::up(&transaction, None).await?;
    Ok(transaction)
}

async fn make_lock(store: &Store) -> Result<(), StoreError> {
    execute(store.writer(), "CREATE TABLE IF NOT EXISTS schema_lock (id INTEGER PRIMARY KEY)", []).await?;
    execute(store.writer(), "INSERT INTO schema_lock (id) VALUES (1) ON CONFLICT (id) DO NOTHING", []).await?;
    Ok(())
}

/// What stands between the schema and this program. Changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// No tables.
    Empty,
    /// As this program expects it.
    Current,
    /// Migrations are missing.
    Older,
    /// It holds migrations that this program does not know.
    Newer,
}

/// Compares the schema with this program.
pub async fn state(store: &Store) -> Result<SchemaState, StoreError> {
    let db = store.reader();
    let Ok(Some(row)) = query_one(db, "SELECT count(*) AS applied FROM seaql_migrations", []).await else {
        store.ping().await?;
        return Ok(SchemaState::Empty);
    };
    let applied: i64 = row.try_get("", "applied")?;
    let known = i64::try_from(Migrator::migrations().len()).unwrap_or(i64::MAX);
    Ok(match applied.cmp(&known) {
        std::cmp::Ordering::Equal => SchemaState::Current,
        std::cmp::Ordering::Less => SchemaState::Older,
        std::cmp::Ordering::Greater => SchemaState::Newer,
    })
}

async fn is_newer(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Migrator::install(db).await?;
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let applied = Migrator::get_migration_models(db).await?;
    Ok(applied.iter().any(|model| !known.contains(&model.version)))
}
