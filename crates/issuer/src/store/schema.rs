//! Runs the migrations in one transaction that holds the schema lock. The first start adds its rows in the same transaction.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult};
use signet_migrations::{Migrator, MigratorTrait};

use crate::store::connect::persist;
use crate::store::error::{DatabaseCode, code, is_busy};
use crate::store::query::text;
use crate::store::{Store, StoreError, Transaction};

/// Begins a transaction that holds the schema lock, and applies the missing migrations in it. The caller commits. Fails with
/// [`StoreError::NewerSchema`] if the database has migrations that this program does not know.
pub async fn migrate(store: &Store) -> Result<Transaction, StoreError> {
    persist(|| make_lock(store), was_made_twice).await?;
    let transaction = store.begin().await?;
    transaction.execute_raw(text(&transaction, "UPDATE schema_lock SET id = 1 WHERE id = 1", [])).await?;
    if is_newer(&transaction).await? {
        return Err(StoreError::NewerSchema);
    }
    Migrator::up(&transaction, None).await?;
    Ok(transaction)
}

async fn make_lock(store: &Store) -> Result<(), DbErr> {
    let db = store.writer();
    db.execute_raw(text(db, "CREATE TABLE IF NOT EXISTS schema_lock (id INTEGER PRIMARY KEY)", [])).await?;
    db.execute_raw(text(db, "INSERT INTO schema_lock (id) VALUES (1) ON CONFLICT (id) DO NOTHING", [])).await?;
    Ok(())
}

/// Returns whether another node created the table of the lock at the same moment, so that trying again helps. `IF NOT EXISTS` of
/// PostgreSQL checks first and creates later, so one of two nodes, or both, may fail with unique_violation, duplicate_table or
/// duplicate_object.
fn was_made_twice(error: &DbErr) -> bool {
    let codes = ["23505", "42P07", "42710"];
    is_busy(error) || matches!(code(error), Some(DatabaseCode::Postgres(code)) if codes.contains(&code.as_str()))
}

/// The schema of the database, compared with the one that this program expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// There are no tables.
    Empty,
    /// All migrations of this program are applied, and no others.
    Current,
    /// Some migrations of this program are not applied.
    Older,
    /// The database has migrations that this program does not know.
    Newer,
}

#[derive(FromQueryResult)]
struct Exists {
    there: bool,
}

#[derive(FromQueryResult)]
struct Applied {
    version: String,
}

/// Compares the schema with this program. Changes nothing.
pub async fn state(store: &Store) -> Result<SchemaState, StoreError> {
    let db = store.reader();
    let tables = match db.get_database_backend() {
        DbBackend::Postgres => "SELECT to_regclass('seaql_migrations') IS NOT NULL AS there",
        _ => "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations') AS there",
    };
    // Ask for the table by name, because a query that fails for another reason would not prove that the database is empty.
    let answer = Exists::find_by_statement(text(db, tables, [])).one(db).await?;
    if !answer.is_some_and(|exists| exists.there) {
        return Ok(SchemaState::Empty);
    }
    let applied = Applied::find_by_statement(text(db, "SELECT version FROM seaql_migrations", [])).all(db).await?;
    let known = known();
    Ok(if applied.iter().any(|migration| !known.contains(&migration.version)) {
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
