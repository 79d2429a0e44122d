//! The browsers in which a user has signed in. The table stores the hash of the cookie's id, never the id itself. What a row says is not changed,
//! because each change gives the cookie a new id and so a new row. The old row stays for a moment, and says then what the new one says.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::clock::UnixSeconds;
use crate::store::entity::browsers::{Column, Entity};
use crate::store::{StoreError, query};

pub use crate::store::entity::browsers::Model as BrowserRow;

/// Inserts `row`. Returns `false` if there is already a row with this hash.
pub async fn insert(db: &impl ConnectionTrait, row: BrowserRow) -> Result<bool, StoreError> {
    let unless_known = OnConflict::column(Column::IdHash).do_nothing().to_owned();
    Ok(Entity::insert(row.into_active_model()).on_conflict(unless_known).exec_without_returning(db).await? == 1)
}

/// Returns the browser `id_hash`, if it is known and has not expired at `now`. If the row is replaced, the cookie has another id by now.
pub async fn find(db: &impl ConnectionTrait, id_hash: &str, now: UnixSeconds) -> Result<Option<BrowserRow>, StoreError> {
    Ok(Entity::find_by_id(id_hash).filter(Column::ExpiresAt.gt(now)).all(db).await?.pop())
}

/// How a browser goes on under another id of its cookie.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct Successor<'a> {
    pub sid: &'a str,
    pub csrf: &'a str,
}

/// Notes that the cookie with the id `id_hash` has got another id, by which the browser goes on as `successor` says; `None` if it has signed out.
/// The row expires at `until`. Does nothing if that was noted before.
pub async fn retire(
    db: &impl ConnectionTrait,
    id_hash: &str,
    successor: Option<Successor<'_>>,
    until: UnixSeconds,
) -> Result<(), StoreError> {
    let present = Entity::update_many().filter(Column::IdHash.eq(id_hash)).filter(Column::Replaced.eq(false));
    let mut retired = present.col_expr(Column::Replaced, true.into()).col_expr(Column::ExpiresAt, until.into());
    if let Some(Successor { sid, csrf }) = successor {
        retired = retired.col_expr(Column::Sid, sid.into()).col_expr(Column::Csrf, csrf.into());
    }
    retired.exec(db).await?;
    Ok(())
}

/// Deletes up to `limit` browsers that have expired at `now`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, now: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::ExpiresAt.lte(now), limit).await
}
