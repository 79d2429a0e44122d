//! The clients whose pages may show the frame of `/check_session`.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::store::StoreError;
use crate::store::entity::clients::{Column, Entity};

/// Returns the redirect URIs of up to `limit` enabled clients that use session management, one text for each client, separated by spaces.
pub async fn redirect_uris(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<String>, StoreError> {
    // The index `clients_session_management` is on these conditions.
    let using = Entity::find().select_only().column(Column::RedirectUris).filter(Expr::col(Column::SessionManagement));
    let enabled = using.filter(Column::DisabledAt.is_null());
    Ok(enabled.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?)
}
