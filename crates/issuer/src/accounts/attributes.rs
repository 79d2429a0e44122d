//! The values of users' attributes, which administrators set, and people too where the attribute allows it.

use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;
use uuid::Uuid;

use crate::oauth::attribute_type::{AttributeType, Audience, ValueRules, texts};
use crate::store::attributes::{self, AttributeRow, Values};
use crate::store::{ConnectionTrait, StoreError};

/// The changes of a user's attributes: for each attribute its new value as JSON, or `None` to remove it.
pub type Changes = BTreeMap<String, Option<Value>>;

/// A value that an attribute cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFault {
    /// The name of the attribute, as it was given.
    pub name: String,
    /// The text that follows the word "expected".
    pub expected: String,
}

/// Returns the rules for the values of an attribute.
pub fn rules(row: &AttributeRow) -> Result<ValueRules, StoreError> {
    let value_type = AttributeType::parse(&row.value_type)
        .ok_or_else(|| StoreError::Corrupt(format!("the type of the attribute {}: {}", row.name, row.value_type)))?;
    Ok(ValueRules {
        value_type,
        multi_valued: row.multi_valued,
        min: row.min,
        max: row.max,
        pattern: row.pattern.clone(),
        compiled: OnceLock::new(),
    })
}

/// The rules for the values of declared attributes, by the name of the attribute.
pub type Rules = BTreeMap<String, ValueRules>;

/// Returns the rules of all attributes in `declared`.
pub fn rules_of(declared: &[AttributeRow]) -> Result<Rules, StoreError> {
    declared.iter().map(|row| Ok((row.name.clone(), rules(row)?))).collect()
}

/// Returns `true` if people see their own value of the attribute.
pub fn is_visible(row: &AttributeRow) -> bool {
    row.visibility == Audience::User.as_str()
}

/// Returns `true` if people may change their own value of the attribute. They must see it, too.
pub fn is_editable(row: &AttributeRow) -> bool {
    is_visible(row) && row.mutability == Audience::User.as_str()
}

/// Returns the values of a user as JSON, by the name of the attribute.
pub fn to_json(rules: &Rules, values: &Values) -> BTreeMap<String, Value> {
    let known = rules.iter().filter_map(|(name, rules)| Some((name, rules, values.get(name)?)));
    known.map(|(name, rules, texts)| (name.clone(), rules.to_json(texts))).collect()
}

/// Returns the values that each attribute of `changes` gets. Fails with all faults, not only the first. Only attributes that have `rules`
/// can be set. A value that the user has already, as `before` says, is right whatever the rules are, because they may have been made
/// stricter after it was set.
pub fn check(rules: &Rules, changes: &Changes, before: &Values) -> Result<Values, Vec<AttributeFault>> {
    let (mut values, mut faults) = (Values::new(), Vec::new());
    for (name, value) in changes {
        let fault = |expected: String| AttributeFault { name: name.clone(), expected };
        let Some(rules) = rules.get(name) else {
            let names: Vec<&str> = rules.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "no attribute is declared".to_owned() } else { format!("these are: {}", names.join(", ")) };
            faults.push(fault(format!("attributes that are declared; {known}")));
            continue;
        };
        let texts = value.as_ref().map_or(Some(Vec::new()), texts).ok_or_else(|| rules.expected());
        let checked = texts.and_then(|texts| {
            let is_unchanged = before.get(name).is_some_and(|stored| *stored == texts);
            if is_unchanged { Ok(texts) } else { rules.check(&texts) }
        });
        match checked {
            Ok(texts) => drop(values.insert(name.clone(), texts)),
            Err(expected) => faults.push(fault(expected)),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

/// Stores those of `values` that differ from what `user` has. `by_user` says that the user typed them; an administrator who sets the value
/// that the user typed vouches for it, which is a change, too. Returns `true` if there was any. The caller has locked the user.
pub async fn store(db: &impl ConnectionTrait, user: Uuid, values: &Values, by_user: bool) -> Result<bool, StoreError> {
    if values.is_empty() {
        return Ok(false);
    }
    let before = attributes::of_users(db, std::iter::once(user)).await?.remove(&user).unwrap_or_default();
    let typed = if by_user { HashSet::new() } else { attributes::typed_by(db, user).await? };
    let mut changed = false;
    for (name, texts) in values {
        let is_same = before.get(name).map_or(&[][..], Vec::as_slice) == texts.as_slice();
        if !is_same || !texts.is_empty() && typed.contains(name) {
            attributes::replace(db, user, name, texts, by_user).await?;
            changed = true;
        }
    }
    Ok(changed)
}
