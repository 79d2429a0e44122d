//! The streams of Shared Signals, and the users whom their receivers have removed from them.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::ssf::Status;
use crate::store::StoreError;
use crate::store::entity::streams::{Column, Entity};
use crate::store::entity::{outbox, stream_removals};

pub use crate::store::entity::streams::Model as StreamRow;

/// Returns a new stream `id` of the client `client`, which is enabled and has no configuration yet.
pub fn blank(id: String, client: &str, now: UnixSeconds) -> StreamRow {
    StreamRow {
        id,
        client_id: client.to_owned(),
        method: String::new(),
        endpoint_url: None,
        authorization_header: None,
        events_requested: String::new(),
        session_revoked: false,
        credential_change: false,
        description: None,
        status: Status::Enabled.name().to_owned(),
        reason: None,
        created_at: now,
        overflowed_at: None,
        held: 0,
        verified_at: None,
        delivered_at: None,
        failing_since: None,
        last_error: None,
    }
}

/// Returns the name of the queue of the stream `id`.
pub fn queue(id: &str) -> String {
    format!("stream:{id}")
}

/// Returns the stream `id` of the client `client`.
pub async fn find(db: &impl ConnectionTrait, client: &str, id: &str) -> Result<Option<StreamRow>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::ClientId.eq(client)).all(db).await?.pop())
}

/// Returns the stream `id` of the client `client`, and locks it until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, client: &str, id: &str) -> Result<Option<StreamRow>, StoreError> {
    Ok(Entity::find_by_id(id).filter(Column::ClientId.eq(client)).lock_exclusive().all(db).await?.pop())
}

/// Returns the stream `id`.
pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<StreamRow>, StoreError> {
    Ok(Entity::find_by_id(id).all(db).await?.pop())
}

/// Returns the streams of the client `client`, oldest first.
pub async fn of_client(db: &impl ConnectionTrait, client: &str) -> Result<Vec<StreamRow>, StoreError> {
    Ok(Entity::find().filter(Column::ClientId.eq(client)).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(db).await?)
}

/// Inserts a stream.
pub async fn insert(db: &impl ConnectionTrait, row: StreamRow) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Stores `row` in place of the row with the same id.
pub async fn replace(db: &impl ConnectionTrait, row: StreamRow) -> Result<(), StoreError> {
    Entity::update(row.into_active_model().reset_all()).exec(db).await?;
    Ok(())
}

/// Deletes the stream `id`, with its queue.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Stores that the receiver has asked for a verification event at `now`. Returns `false` if it has asked for one after `before`.
pub async fn note_verification(db: &impl ConnectionTrait, id: &str, before: UnixSeconds, now: UnixSeconds) -> Result<bool, StoreError> {
    let long_ago = Column::VerifiedAt.is_null().or(Column::VerifiedAt.lte(before));
    let noted = Entity::update_many().col_expr(Column::VerifiedAt, Expr::value(now)).filter(Column::Id.eq(id)).filter(long_ago);
    Ok(noted.exec(db).await?.rows_affected == 1)
}

/// Returns up to `limit` streams whose receivers do not take their events, oldest first.
pub async fn troubled(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<StreamRow>, StoreError> {
    let trouble = Column::FailingSince.is_not_null().or(Column::OverflowedAt.is_not_null());
    Ok(Entity::find().filter(trouble).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// Stores that the receiver of the stream `id` accepted an event at `now`.
pub async fn note_delivery(db: &impl ConnectionTrait, id: &str, now: UnixSeconds) -> Result<(), StoreError> {
    let noted = Entity::update_many().col_expr(Column::DeliveredAt, Expr::value(now)).filter(Column::Id.eq(id));
    let healthy = noted.col_expr(Column::FailingSince, Expr::value(None::<i64>)).col_expr(Column::LastError, Expr::value(None::<String>));
    healthy.exec(db).await?;
    Ok(())
}

/// Stores what went wrong with an event of the stream `id`, and since when every attempt has failed; `None` if the receiver answers.
pub async fn note_error(db: &impl ConnectionTrait, id: &str, since: Option<UnixSeconds>, error: &str) -> Result<(), StoreError> {
    let noted = Entity::update_many().col_expr(Column::FailingSince, Expr::value(since)).col_expr(Column::LastError, Expr::value(error));
    noted.filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Removes `user` from the stream `id`, unless that was done before.
pub async fn remove_user(db: &impl ConnectionTrait, id: &str, user: Uuid) -> Result<(), StoreError> {
    use stream_removals::{Column, Entity, Model};
    let row = Model { stream_id: id.to_owned(), user_id: user };
    let unless_removed = OnConflict::columns([Column::StreamId, Column::UserId]).do_nothing().to_owned();
    Entity::insert(row.into_active_model()).on_conflict(unless_removed).exec_without_returning(db).await?;
    Ok(())
}

/// Adds `user` to the stream `id` again.
pub async fn add_user(db: &impl ConnectionTrait, id: &str, user: Uuid) -> Result<(), StoreError> {
    stream_removals::Entity::delete_by_id((id.to_owned(), user)).exec(db).await?;
    Ok(())
}

/// Returns the number of users who were removed from the stream `id`.
pub async fn count_removed(db: &impl ConnectionTrait, id: &str) -> Result<u64, StoreError> {
    Ok(stream_removals::Entity::find().filter(stream_removals::Column::StreamId.eq(id)).count(db).await?)
}

/// The number of events in the queue of a stream.
#[derive(Debug, Clone, FromQueryResult)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Waiting {
    pub receiver: String,
    pub events: i64,
}

/// Returns the numbers of events in the queues of the streams `ids`. A stream with an empty queue is not among them.
pub async fn waiting(db: &impl ConnectionTrait, ids: impl Iterator<Item = &str>) -> Result<Vec<Waiting>, StoreError> {
    let counted = outbox::Entity::find().select_only().column(outbox::Column::Receiver).column_as(outbox::Column::Id.count(), "events");
    let counted = counted.filter(outbox::Column::Receiver.is_in(ids.map(queue))).group_by(outbox::Column::Receiver);
    Ok(counted.into_model::<Waiting>().all(db).await?)
}
