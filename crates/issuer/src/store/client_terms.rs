//! The words by which clients are found: those of their ids and names.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::store::StoreError;
use crate::store::entity::client_terms::{Column, Entity, Model};
use crate::store::entity::clients::{self, Model as ClientRow};
use crate::store::search::{self, Found, Place, Terms};
use crate::store::terms;

/// Returns a page of the ids of the clients that have a word for each of `words`, which is its beginning. `enabled` and `registered`
/// restrict them as the list of clients does.
pub async fn find(
    db: &impl ConnectionTrait,
    words: &[String],
    (enabled, registered): (Option<bool>, Option<bool>),
    after: Option<Place<String>>,
    limit: u64,
) -> Result<Found<String>, StoreError> {
    let test = |column: &str, is_null: bool| format!(" AND clients.{column} IS {}NULL", if is_null { "" } else { "NOT " });
    let tests = [enabled.map(|enabled| test("disabled_at", enabled)), registered.map(|own| test("registration_token_hash", !own))];
    let tests: String = tests.into_iter().flatten().collect();
    let condition = format!("(SELECT 1 FROM clients WHERE clients.id = t.client_id{tests} LIMIT 1) IS NOT NULL");
    let condition = (!tests.is_empty()).then_some(condition.as_str());
    search::find(db, Terms { table: "client_terms", key: "client_id" }, words, condition, after, limit).await
}

/// Returns the rows of the clients `ids`, without their scopes.
pub async fn rows(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<ClientRow>, StoreError> {
    Ok(clients::Entity::find().filter(clients::Column::Id.is_in(ids)).all(db).await?)
}

/// Stores the words by which the client `id` is found, which has none yet.
pub(super) async fn insert(db: &impl ConnectionTrait, id: &str, terms: Vec<String>) -> Result<(), StoreError> {
    let rows = terms.into_iter().map(|term| Model { term: term.into_bytes(), client_id: id.to_owned() }.into_active_model());
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Returns the words by which a client is found.
pub(super) fn of(client: &ClientRow) -> Vec<String> {
    terms::of_all([Some(client.id.as_str()), Some(client.client_name.as_str())])
}

/// Stores the words `terms` of the client `id` in place of those that it has.
pub(super) async fn replace(db: &impl ConnectionTrait, id: &str, terms: Vec<String>) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::ClientId.eq(id)).exec(db).await?;
    insert(db, id, terms).await
}
