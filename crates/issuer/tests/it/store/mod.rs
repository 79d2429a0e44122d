//! This module holds what the tests of connections and of errors share: a connection without the store, and statements on it.

mod authorizations;
mod availability;
mod batch;
mod cleanup;
mod connect;
mod error;
mod groups;
mod lists;
mod query;
mod revocations;
mod schema;
mod turn;

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection, DbErr};

/// A single connection, so that several statements can make up a transaction.
async fn connection(url: &str) -> DatabaseConnection {
    try_connection(url).await.unwrap()
}

async fn try_connection(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).acquire_timeout(Duration::from_millis(50)).sqlx_logging(false);
    SeaOrm::connect(options).await
}

async fn run(db: &DatabaseConnection, statements: &[&str]) -> Result<(), DbErr> {
    for sql in statements {
        db.execute_unprepared(sql).await?;
    }
    Ok(())
}
