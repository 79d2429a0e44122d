//! The schema of Signet's database. Each migration serves both SQLite and PostgreSQL, and is never edited after a release.

use sea_orm_migration::{MigrationTrait, async_trait};

pub use sea_orm_migration::MigratorTrait;

mod m20261126_000001_first_schema;

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261126_000001_first_schema::Migration)]
    }
}
