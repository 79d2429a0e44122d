//! Migrations, under one lock, in one transaction with the rows of the first start.

use sea_orm::{ConnectionTrait, DbBackend};
use signet_migrations::{Migrator, MigratorTrait};

use crate::store::{Columns, Store, StoreError, Transaction, execute, query_all, query_one};

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
    let tables = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations')",
    };
    // Asked of the database: a query that fails is no sign of an empty one.
    let there = query_one(db, tables, []).await?.map(|row| Columns::of(&row).take::<bool>()).transpose()?;
    if there != Some(true) {
        return Ok(SchemaState::Empty);
    }
    let rows = query_all(db, "SELECT version FROM seaql_migrations", []).await?;
    let applied = rows.iter().map(|row| Columns::of(row).take()).collect::<Result<Vec<String>, _>>()?;
    let known = known();
    Ok(if applied.iter().any(|name| !known.contains(name)) {
        SchemaState::Newer
    } else if applied.len() < known.len() {
        SchemaState::Older
    } else {
        SchemaState::Current
    })
}

async fn is_newer(db: &impl ConnectionTrait) -> Result<bool, StoreError> {
    Migrator::install(db).await?;
    let known = known();
    let applied = Migrator::get_migration_models(db).await?;
    Ok(applied.iter().any(|model| !known.contains(&model.version)))
}

/// The names of this program's migrations.
fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}
