//! The claims that administrators give clients beside those of their scopes.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, Shape};
use crate::store::StoreError;
use crate::store::client_groups::UseRow;
use crate::store::entity::client_claims::{Column, Entity, Model};
use crate::store::entity::groups;
use crate::store::query::text;

/// An entry of a group map as it is stored: by the id of the group, so that the map still holds when the group is renamed.
#[derive(Serialize, Deserialize)]
struct StoredGroup {
    group: Uuid,
    value: Value,
}

/// Returns the claims of the client `id`, in the order of their names. An entry of a group map whose group was deleted is left out.
pub async fn of_client(db: &impl ConnectionTrait, id: &str) -> Result<Vec<ClientClaim>, StoreError> {
    let rows = Entity::find().filter(Column::ClientId.eq(id)).order_by_asc(Column::Claim).all(db).await?;
    let mut maps = HashMap::new();
    for row in rows.iter().filter(|row| row.source == "group_map") {
        maps.insert(row.claim.clone(), parse::<Vec<StoredGroup>>(row, row.map.as_deref().unwrap_or("[]"))?);
    }
    let names = names(db, maps.values().flatten().map(|entry| entry.group).collect()).await?;
    rows.iter()
        .map(|row| {
            let source = match row.source.as_str() {
                "group_map" => {
                    let entries = maps.remove(&row.claim).unwrap_or_default();
                    let mapped = |entry: StoredGroup| Some(MappedGroup { group: names.get(&entry.group)?.clone(), value: entry.value });
                    let default = row.default_value.as_deref().map(|json| parse(row, json)).transpose()?;
                    ClaimSource::GroupMap { map: entries.into_iter().filter_map(mapped).collect(), default }
                }
                "user" => ClaimSource::User { field: row.source_key.clone().unwrap_or_default() },
                "attribute" => ClaimSource::Attribute { attribute: row.source_key.clone().unwrap_or_default() },
                "groups" => ClaimSource::Groups,
                "roles" => ClaimSource::Roles,
                "fixed" => ClaimSource::Fixed { value: parse(row, row.map.as_deref().unwrap_or("null"))? },
                _ => return Err(corrupt(row, "an unknown source")),
            };
            let shape = Shape::parse(&row.shape).ok_or_else(|| corrupt(row, "an unknown shape"))?;
            Ok(ClientClaim { claim: row.claim.clone(), source, shape, in_id_token: row.in_id_token, in_userinfo: row.in_userinfo })
        })
        .collect()
}

fn parse<T: for<'de> Deserialize<'de>>(row: &Model, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| corrupt(row, &error.to_string()))
}

fn corrupt(row: &Model, found: &str) -> StoreError {
    StoreError::Corrupt(format!("claim {} of the client {}: {found}", row.claim, row.client_id))
}

/// Returns the names of the groups `ids`.
async fn names(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = groups::Entity::find().filter(groups::Column::Id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Stores a claim of the client `id`, in place of an earlier one of the same name. `groups` names the groups of a group map by their
/// names.
pub async fn put(db: &impl ConnectionTrait, id: &str, claim: &ClientClaim, groups: &BTreeMap<String, Uuid>) -> Result<(), StoreError> {
    let json = |value: &Value| value.to_string();
    let (source_key, map, default_value) = match &claim.source {
        ClaimSource::User { field } => (Some(field.clone()), None, None),
        ClaimSource::Attribute { attribute } => (Some(attribute.clone()), None, None),
        ClaimSource::Groups | ClaimSource::Roles => (None, None, None),
        ClaimSource::GroupMap { map, default } => {
            let stored = |entry: &MappedGroup| Some(StoredGroup { group: *groups.get(&entry.group)?, value: entry.value.clone() });
            let map: Vec<StoredGroup> = map.iter().filter_map(stored).collect();
            (None, serde_json::to_string(&map).ok(), default.as_ref().map(json))
        }
        ClaimSource::Fixed { value } => (None, Some(json(value)), None),
    };
    remove(db, id, &claim.claim).await?;
    let row = Model {
        client_id: id.to_owned(),
        claim: claim.claim.clone(),
        source: claim.source.name().to_owned(),
        source_key,
        shape: claim.shape.as_str().to_owned(),
        map,
        default_value,
        in_id_token: claim.in_id_token,
        in_userinfo: claim.in_userinfo,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes the claim `claim` of the client `id`. Returns `false` if there is none.
pub async fn remove(db: &impl ConnectionTrait, id: &str, claim: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id((id.to_owned(), claim.to_owned())).exec(db).await?.rows_affected == 1)
}

/// Returns up to `limit` claims whose values are the attribute `attribute`, each with its client, in the order of the ids of the clients.
pub async fn of_attribute(db: &impl ConnectionTrait, attribute: &str, limit: u32) -> Result<Vec<UseRow>, StoreError> {
    let sql = format!(
        "SELECT c.id AS client_id, c.client_name AS client_name, c.access AS access, cc.claim AS detail FROM client_claims cc \
         JOIN clients c ON c.id = cc.client_id WHERE cc.source = 'attribute' AND cc.source_key = $1 ORDER BY c.id, cc.claim LIMIT {limit}"
    );
    Ok(UseRow::find_by_statement(text(db, sql, [attribute.into()])).all(db).await?)
}

/// Returns up to `limit` claims whose group maps name the group `id`, each with its client, in no order.
pub async fn mapping(db: &impl ConnectionTrait, id: Uuid, limit: u64) -> Result<Vec<UseRow>, StoreError> {
    let sql = format!(
        "SELECT c.id AS client_id, c.client_name AS client_name, c.access AS access, cc.claim AS detail FROM client_claims cc \
         JOIN clients c ON c.id = cc.client_id WHERE cc.source = 'group_map' AND cc.map LIKE $1 LIMIT {limit}"
    );
    // Only a group is stored in this form, because the quotation marks in the values of a map are escaped.
    let named = format!("%\"group\":\"{id}\"%");
    Ok(UseRow::find_by_statement(text(db, sql, [named.into()])).all(db).await?)
}
