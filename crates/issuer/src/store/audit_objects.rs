//! The present names of what events of the audit trail are about. The trail refers to no other table, so each name is looked up when it is read.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::oauth::issuer::Issuer;
use crate::store::entity::{attributes, clients, roles};
use crate::store::{StoreError, groups, resources};

/// Returns the present names of those `objects` that exist. Each is given as `kind:id`, as the column `about` of the trail has it.
pub async fn names<'a>(
    db: &impl ConnectionTrait,
    objects: &BTreeSet<&'a str>,
    issuer: &Issuer,
) -> Result<HashMap<String, String>, StoreError> {
    let ids = |kind: &str| -> Vec<&'a str> {
        objects.iter().filter_map(|object| object.split_once(':')).filter(|(of, _)| *of == kind).map(|(_, id)| id).collect()
    };
    let mut found = HashMap::new();
    let of_groups: Vec<Uuid> = ids("group").into_iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
    if !of_groups.is_empty() {
        let rows = groups::by_ids(db, of_groups.into_iter()).await?;
        found.extend(rows.into_iter().map(|row| (format!("group:{}", row.id), row.name)));
    }
    let of_roles = ids("role");
    if !of_roles.is_empty() {
        let rows = roles::Entity::find().select_only().column(roles::Column::Name).filter(roles::Column::Name.is_in(of_roles));
        found.extend(rows.into_tuple::<String>().all(db).await?.into_iter().map(|name| (format!("role:{name}"), name)));
    }
    let of_attributes = ids("attribute");
    if !of_attributes.is_empty() {
        let named = attributes::Column::Name.is_in(of_attributes);
        let rows = attributes::Entity::find().select_only().column(attributes::Column::Name).filter(named);
        found.extend(rows.into_tuple::<String>().all(db).await?.into_iter().map(|name| (format!("attribute:{name}"), name)));
    }
    let of_resources = ids("resource");
    if !of_resources.is_empty() {
        let rows = resources::by_ids(db, of_resources.into_iter()).await?;
        let named = |(id, row): (String, resources::ResourceRow)| {
            (format!("resource:{id}"), resources::identifier(&id, row.identifier.as_deref(), issuer))
        };
        found.extend(rows.into_iter().map(named));
    }
    Ok(found)
}

/// Returns those of the clients `ids` that exist.
pub async fn clients(db: &impl ConnectionTrait, ids: &BTreeSet<&str>) -> Result<HashSet<String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = clients::Entity::find().select_only().column(clients::Column::Id).filter(clients::Column::Id.is_in(ids.iter().copied()));
    Ok(rows.into_tuple::<String>().all(db).await?.into_iter().collect())
}
