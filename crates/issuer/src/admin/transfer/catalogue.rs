//! The roles, groups and attributes that lines name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::admin::{Fault, Refused};
use crate::oauth::scope::is_administration;
use crate::store::attributes::{self, AttributeRow, Values};
use crate::store::{ConnectionTrait, groups, roles};

/// The number of rows that are read at once.
const PAGE: u64 = 500;

/// A group, as lines need it.
struct Group {
    id: Uuid,
    is_default: bool,
    administers: bool,
}

/// The roles, groups and attributes that exist, by their names.
pub(super) struct Catalogue {
    /// `true` for a role with a scope of administration.
    roles: HashMap<String, bool>,
    groups: HashMap<String, Group>,
    attributes: HashMap<String, AttributeRow>,
}

impl Catalogue {
    /// Reads all of them.
    pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Self, Refused> {
        let mut catalogue = Self { roles: HashMap::new(), groups: HashMap::new(), attributes: HashMap::new() };
        let mut after: Option<String> = None;
        loop {
            let rows = roles::page(db, after.as_deref(), PAGE).await?;
            let scopes = roles::scopes_of(db, rows.iter().map(|row| row.name.as_str())).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            catalogue.roles.extend(rows.into_iter().map(|row| {
                let administers = scopes.get(&row.name).is_some_and(|scopes| scopes.iter().any(|scope| is_administration(scope)));
                (row.name, administers)
            }));
        }
        after = None;
        loop {
            let rows = groups::page(db, after.as_deref(), PAGE).await?;
            let carried = groups::roles_of(db, rows.iter().map(|row| row.id)).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            for row in rows {
                let administers =
                    carried.get(&row.id).is_some_and(|roles| roles.iter().any(|role| catalogue.roles.get(role) == Some(&true)));
                catalogue.groups.insert(row.name, Group { id: row.id, is_default: row.is_default, administers });
            }
        }
        after = None;
        loop {
            let rows = attributes::page(db, after.as_deref(), PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            catalogue.attributes.extend(rows.into_iter().map(|row| (row.name.clone(), row)));
        }
        Ok(catalogue)
    }

    /// Returns the names of the groups that each new user joins.
    pub(super) fn default_groups(&self) -> BTreeSet<String> {
        self.groups.iter().filter(|(_, group)| group.is_default).map(|(name, _)| name.clone()).collect()
    }

    /// Returns the id of the group `name`.
    pub(super) fn group(&self, name: &str) -> Option<Uuid> {
        Some(self.groups.get(name)?.id)
    }

    /// Returns the first role or group, with its field, from which a scope of administration follows.
    pub(super) fn administering<'n>(&self, roles: &'n BTreeSet<String>, groups: &'n BTreeSet<String>) -> Option<(&'static str, &'n str)> {
        let role = roles.iter().find(|name| self.roles.get(*name) == Some(&true)).map(|name| ("roles", name.as_str()));
        role.or_else(|| {
            let group = groups.iter().find(|name| self.groups.get(*name).is_some_and(|group| group.administers))?;
            Some(("groups", group.as_str()))
        })
    }

    /// Returns the faults of names that do not exist.
    pub(super) fn unknown(&self, roles: &BTreeSet<String>, groups: &BTreeSet<String>) -> Vec<Fault> {
        let roles = roles.iter().filter(|name| !self.roles.contains_key(*name));
        let roles = roles.map(|name| Fault::new("roles", "roles that exist; `signet role add` adds one").found(name));
        let groups = groups.iter().filter(|name| !self.groups.contains_key(*name));
        roles.chain(groups.map(|name| Fault::new("groups", "groups that exist; `signet group add` adds one").found(name))).collect()
    }

    /// Returns the values that are stored for `given`, by attribute.
    pub(super) fn values(&self, given: &BTreeMap<String, Value>) -> Result<Values, Vec<Fault>> {
        let (mut values, mut faults) = (Values::new(), Vec::new());
        for (name, value) in given {
            match self.attributes.get(name) {
                None => faults.push(Fault::new("attributes", "attributes that are declared").found(name)),
                Some(row) => match texts(row, value) {
                    Ok(texts) if texts.is_empty() => {}
                    Ok(texts) => drop(values.insert(name.clone(), texts)),
                    Err(expected) => faults.push(Fault::new("attributes", format!("for {name}: {expected}"))),
                },
            }
        }
        if faults.is_empty() { Ok(values) } else { Err(faults) }
    }

    /// Returns the stored values of the attribute `name` as JSON.
    pub(super) fn json(&self, name: &str, texts: &[String]) -> Value {
        let Some(row) = self.attributes.get(name) else { return Value::Null };
        let value = |text: &String| match row.value_type.as_str() {
            "string" => Value::String(text.clone()),
            _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        };
        if row.multi_valued { texts.iter().map(value).collect() } else { texts.first().map_or(Value::Null, value) }
    }
}

/// Returns the texts that are stored for `value`; none for null. Fails with what is expected.
fn texts(row: &AttributeRow, value: &Value) -> Result<Vec<String>, String> {
    let values = match value {
        Value::Null => &[][..],
        Value::Array(values) if row.multi_valued => values,
        value => std::slice::from_ref(value),
    };
    let kind = row.value_type.as_str();
    values.iter().map(|value| text(kind, value).ok_or_else(|| format!("a {kind}"))).collect()
}

fn text(kind: &str, value: &Value) -> Option<String> {
    match (kind, value) {
        ("string", Value::String(text)) => Some(text.clone()),
        ("number", Value::Number(number)) => Some(number.to_string()),
        ("boolean", Value::Bool(value)) => Some(value.to_string()),
        _ => None,
    }
}
