//! The logos of clients.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, SelectExt};

use crate::store::StoreError;
use crate::store::clients::can_be_id;
use crate::store::entity::client_logos::{Column, Entity, Model};

/// Stores the logo of the client `id`, in place of an earlier one.
pub async fn set(db: &impl ConnectionTrait, id: &str, media_type: &str, image: Vec<u8>) -> Result<(), StoreError> {
    let row = Model { client_id: id.to_owned(), media_type: media_type.to_owned(), image };
    let or_replace = OnConflict::column(Column::ClientId).update_columns([Column::MediaType, Column::Image]).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(or_replace).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes the logo of the client `id`, if it has one.
pub async fn remove(db: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Returns the media type and the bytes of the logo of the client `id`.
pub async fn find(db: &impl ConnectionTrait, id: &str) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    if !can_be_id(id) {
        return Ok(None);
    }
    let logo = Entity::find_by_id(id).all(db).await?.pop();
    Ok(logo.map(|logo| (logo.media_type, logo.image)))
}

/// Returns whether the client `id` has a logo, without reading the image.
pub async fn exists(db: &impl ConnectionTrait, id: &str) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(id).exists(db).await?)
}
