//! The roles, groups and attributes that lines name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::accounts::attributes::{self, Rules};
use crate::admin::users::attribute_fault;
use crate::admin::{Fault, Refused};
use crate::config::ADMIN;
use crate::oauth::scope::is_administration;
use crate::store::attributes::{self as attribute_store, Values};
use crate::store::{ConnectionTrait, groups, roles};

/// The number of rows that are read at once.
const PAGE: u64 = 500;

/// The scopes of administration that a role or group gives.
#[derive(Debug, Clone, Copy, Default)]
struct Rights {
    /// `true` for the scope `admin`.
    admin: bool,
    /// `true` for any scope of administration.
    any: bool,
}

impl Rights {
    fn of(scopes: &[String]) -> Self {
        Self { admin: scopes.iter().any(|scope| scope == ADMIN), any: scopes.iter().any(|scope| is_administration(scope)) }
    }

    fn and(self, other: Self) -> Self {
        Self { admin: self.admin || other.admin, any: self.any || other.any }
    }
}

/// A group, as lines need it.
struct Group {
    id: Uuid,
    is_default: bool,
    rights: Rights,
}

/// The roles, groups and attributes that exist, by their names.
pub(super) struct Catalogue {
    roles: HashMap<String, Rights>,
    groups: HashMap<String, Group>,
    attributes: Rules,
}

impl Catalogue {
    /// Reads all of them.
    pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Self, Refused> {
        let mut catalogue =
            Self { roles: HashMap::new(), groups: HashMap::new(), attributes: attributes::rules_of(&attribute_store::all(db).await?)? };
        let mut after: Option<String> = None;
        loop {
            let rows = roles::page(db, after.as_deref(), PAGE).await?;
            let scopes = roles::scopes_of(db, rows.iter().map(|row| row.name.as_str())).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            catalogue.roles.extend(rows.into_iter().map(|row| {
                let rights = scopes.get(&row.name).map(|scopes| Rights::of(scopes)).unwrap_or_default();
                (row.name, rights)
            }));
        }
        after = None;
        loop {
            let rows = groups::page(db, after.as_deref(), PAGE).await?;
            let carried = groups::roles_of(db, rows.iter().map(|row| row.id)).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.name.clone());
            for row in rows {
                let roles = carried.get(&row.id).into_iter().flatten().filter_map(|role| catalogue.roles.get(role));
                let rights = roles.fold(Rights::default(), |sum, rights| sum.and(*rights));
                catalogue.groups.insert(row.name, Group { id: row.id, is_default: row.is_default, rights });
            }
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
        let role = roles.iter().find(|name| self.roles.get(*name).is_some_and(|rights| rights.any)).map(|name| ("roles", name.as_str()));
        role.or_else(|| {
            let group = groups.iter().find(|name| self.groups.get(*name).is_some_and(|group| group.rights.any))?;
            Some(("groups", group.as_str()))
        })
    }

    /// Returns whether someone with these roles and groups holds the scope `admin`.
    pub(super) fn gives_admin(&self, roles: &BTreeSet<String>, groups: &BTreeSet<String>) -> bool {
        roles.iter().any(|name| self.roles.get(name).is_some_and(|rights| rights.admin))
            || groups.iter().any(|name| self.groups.get(name).is_some_and(|group| group.rights.admin))
    }

    /// Returns the faults of names that do not exist.
    pub(super) fn unknown(&self, roles: &BTreeSet<String>, groups: &BTreeSet<String>) -> Vec<Fault> {
        let roles = roles.iter().filter(|name| !self.roles.contains_key(*name));
        let roles = roles.map(|name| Fault::new("roles", "roles that exist; `signet role add` adds one").found(name));
        let groups = groups.iter().filter(|name| !self.groups.contains_key(*name));
        roles.chain(groups.map(|name| Fault::new("groups", "groups that exist; `signet group add` adds one").found(name))).collect()
    }

    /// Returns the values that are stored for `given`, by attribute. The rules are those of every other face. `before` are the values that
    /// the user has.
    pub(super) fn values(&self, given: &BTreeMap<String, Value>, before: &Values) -> Result<Values, Vec<Fault>> {
        let changes = given.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        let checked = attributes::check(&self.attributes, &changes, before);
        let mut values = checked.map_err(|faults| faults.iter().map(attribute_fault).collect::<Vec<_>>())?;
        values.retain(|_, texts| !texts.is_empty());
        Ok(values)
    }

    /// Returns the stored values of the attribute `name` as JSON.
    pub(super) fn json(&self, name: &str, texts: &[String]) -> Value {
        self.attributes.get(name).map_or(Value::Null, |rules| rules.to_json(texts))
    }
}
