//! Operations on the attributes that are declared for users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::attributes::rules;
use crate::admin::client_claims::{ClaimOfClient, remove_of_attribute};
use crate::admin::patch::Patch;
use crate::admin::{Change, Fault, Faults, Listing, Operation, Reading, Refused, Window, check_name, require_version};
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339};
use crate::oauth::attribute_type::{AttributeType, Audience, LONGEST_PATTERN, compile};
use crate::oauth::claim_name;
use crate::oauth::client_claim::TRUSTED_CLAIMS;
use crate::oauth::scope::OIDC_SCOPES;
use crate::store::attributes::{self, AttributeRow};
use crate::store::client_groups::UseRow;
use crate::store::{StoreError, client_claims, user_versions};

/// The largest number of attributes.
const MOST: usize = 100;

/// An attribute as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AttributeView {
    pub name: String,
    pub display_name: String,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub value_type: AttributeType,
    pub multi_valued: bool,
    /// The people who may change the values.
    #[schema(value_type = String)]
    pub mutability: Audience,
    /// The people who may see the values.
    #[schema(value_type = String)]
    pub visibility: Audience,
    /// The scope of OpenID Connect that releases the attribute as a claim of the same name.
    pub scope: Option<String>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    pub version: i32,
}

/// The members that are at fault if two of them do not fit each other.
struct Blamed {
    /// `min` or `max`.
    bound: &'static str,
    /// `mutability` or `visibility`.
    audience: &'static str,
}

impl AttributeView {
    fn of(row: AttributeRow) -> Result<Self, Refused> {
        let audience = |text: &str| {
            let corrupt = || StoreError::Corrupt(format!("the mutability or visibility of the attribute {}: {text}", row.name));
            Audience::parse(text).ok_or_else(corrupt)
        };
        Ok(Self {
            value_type: rules(&row)?.value_type,
            mutability: audience(&row.mutability)?,
            visibility: audience(&row.visibility)?,
            name: row.name,
            display_name: row.display_name,
            multi_valued: row.multi_valued,
            scope: row.scope,
            min: row.min,
            max: row.max,
            pattern: row.pattern,
            created_at: row.created_at,
            version: row.version,
        })
    }

    /// Returns all faults of what an edit can change, too.
    fn faults(&self, blamed: &Blamed) -> Vec<Fault> {
        let mut faults = Vec::new();
        faults.extend(check_name("display_name", &self.display_name).err());
        if self.mutability == Audience::User && self.visibility == Audience::Admin {
            let expected = match blamed.audience {
                "visibility" => "user, because people can change the value, and must see what they change",
                _ => "admin, because people cannot change what they do not see; or visibility user",
            };
            faults.push(Fault::new(blamed.audience, expected));
        }
        if let Some(scope) = self.scope.as_deref().filter(|scope| !releases(scope)) {
            let names: Vec<&str> = OIDC_SCOPES.iter().map(|(name, _)| *name).filter(|name| releases(name)).collect();
            faults.push(Fault::new("scope", format!("one of {}, or none", names.join(", "))).found(scope));
        }
        for (field, bound) in [("min", self.min), ("max", self.max)] {
            match (self.value_type, bound) {
                (AttributeType::Boolean, Some(_)) => faults.push(Fault::new(field, "no bounds for a boolean")),
                (AttributeType::String, Some(..0)) => faults.push(Fault::new(field, "lengths of 0 characters or more")),
                _ => {}
            }
        }
        if self.min.zip(self.max).is_some_and(|(min, max)| min > max) {
            let expected = if blamed.bound == "min" { "a bound that is not above max" } else { "a bound that is not below min" };
            faults.push(Fault::new(blamed.bound, expected));
        }
        if let Some(pattern) = &self.pattern {
            if self.value_type != AttributeType::String {
                faults.push(Fault::new("pattern", "no pattern, because only strings can have one"));
            } else if compile(pattern).is_none() {
                let expected =
                    format!("a regular expression of at most {LONGEST_PATTERN} bytes that needs little memory, such as [A-Z]{{2}}[0-9]+");
                faults.push(Fault::new("pattern", expected).found(pattern));
            }
        }
        faults
    }

    fn into_row(self) -> AttributeRow {
        AttributeRow {
            name: self.name,
            display_name: self.display_name,
            value_type: self.value_type.as_str().to_owned(),
            multi_valued: self.multi_valued,
            mutability: self.mutability.as_str().to_owned(),
            visibility: self.visibility.as_str().to_owned(),
            scope: self.scope,
            min: self.min,
            max: self.max,
            pattern: self.pattern,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

/// Returns `true` if the scope can release attributes. The others release nothing, or only what their names say.
fn releases(scope: &str) -> bool {
    !["openid", "offline_access", "groups", "roles"].contains(&scope) && OIDC_SCOPES.iter().any(|(name, _)| *name == scope)
}

/// Returns a page of all attributes, in the order of their names.
pub async fn list(reading: &Reading<'_>, window: &Window) -> Result<Listing<AttributeView>, Refused> {
    let app = reading.permit(Operation::AttributeList)?;
    let rows = attributes::page(app.store.reader(), window.after.as_deref(), window.limit + 1).await?;
    let views = rows.into_iter().map(AttributeView::of).collect::<Result<Vec<_>, _>>()?;
    Ok(Listing::of(views, window.limit, |view| view.name.clone(), |view| view))
}

/// Returns the attribute `name`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, name: &str) -> Result<AttributeView, Refused> {
    let app = reading.permit(Operation::AttributeShow)?;
    let row = attributes::row(app.store.reader(), name).await?;
    AttributeView::of(row.ok_or_else(|| Refused::not_found("attribute", name))?)
}

/// The number of users up to which those who typed a value are counted.
pub const COUNTED: u64 = 1000;

/// Counts the users who typed their values of the attribute `name`, up to 1,000. These values become no claim that applications trust.
pub async fn count_typed(reading: &Reading<'_>, name: &str) -> Result<u64, Refused> {
    let app = reading.permit(Operation::AttributeShow)?;
    Ok(attributes::count_typed(app.store.reader(), name, COUNTED).await?)
}

/// The input for a new attribute, before it is checked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAttribute)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AttributeDraft {
    pub name: String,
    /// `None` if the attribute is shown by its name.
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub value_type: AttributeType,
    #[serde(default)]
    pub multi_valued: bool,
    #[serde(default = "only_administrators")]
    #[schema(value_type = String)]
    pub mutability: Audience,
    #[serde(default = "only_administrators")]
    #[schema(value_type = String)]
    pub visibility: Audience,
    #[serde(default)]
    pub scope: Option<String>,
    #[serde(default)]
    pub min: Option<i64>,
    #[serde(default)]
    pub max: Option<i64>,
    #[serde(default)]
    pub pattern: Option<String>,
}

fn only_administrators() -> Audience {
    Audience::Admin
}

/// Declares an attribute. Fails with [`Refused::Taken`] if there is one of that name, and with [`Refused::Conflict`] if there are as many as
/// there may be.
pub async fn add(change: &mut Change<'_>, draft: AttributeDraft) -> Result<AttributeView, Refused> {
    change.require(Operation::AttributeAdd)?;
    let db = &change.transaction;
    let view = AttributeView {
        display_name: draft.display_name.unwrap_or_else(|| draft.name.clone()),
        name: draft.name,
        value_type: draft.value_type,
        multi_valued: draft.multi_valued,
        mutability: draft.mutability,
        visibility: draft.visibility,
        scope: draft.scope,
        min: draft.min,
        max: draft.max,
        pattern: draft.pattern,
        created_at: change.now,
        version: 0,
    };
    let name = claim_name::check_attribute(&view.name).map_err(|error| Fault::new("name", error.to_string()).found(&view.name));
    let taken = || Refused::taken("name", format!("there is an attribute {} already", view.name));
    let mut faults = Faults::default();
    faults.extend(name.err().into_iter().chain(view.faults(&Blamed { bound: "max", audience: "mutability" })));
    if attributes::row(db, &view.name).await?.is_some() {
        faults.keep::<()>(Err(taken()))?;
    }
    faults.refuse()?;
    if attributes::all(db).await?.len() >= MOST {
        return Err(Refused::Conflict(format!("there are {MOST} attributes already; first remove one that nobody needs")));
    }
    if view.scope.is_some() || view.mutability == Audience::User {
        change.require_recent()?;
    }
    if !attributes::insert(db, view.clone().into_row()).await? {
        return Err(taken());
    }
    change.record(Action::AttributeAdded, Object::Attribute(&view.name), None, Some(&view)).await?;
    Ok(view)
}

/// The changes of an attribute, as a JSON merge patch (RFC 7396). The name, the type and whether there can be several values stay as they
/// are, because clients rely on them.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AttributePatch {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub display_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub mutability: Patch<Audience>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub visibility: Patch<Audience>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub scope: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub min: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub max: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub pattern: Patch<String>,
}

/// Edits an attribute. Values that users have already stay, even if new bounds or a new pattern would refuse them.
pub async fn edit(
    change: &mut Change<'_>,
    name: &str,
    patch: AttributePatch,
    expected_version: Option<i32>,
) -> Result<AttributeView, Refused> {
    change.require(Operation::AttributeEdit)?;
    let row = attributes::lock(&change.transaction, name).await?.ok_or_else(|| Refused::not_found("attribute", name))?;
    let before = AttributeView::of(row)?;
    require_version(before.version, expected_version)?;
    change.require_version(before.version)?;
    // If two members do not fit each other, the one at fault is the one that was given.
    let blamed = Blamed {
        bound: if patch.max.keeps() { "min" } else { "max" },
        audience: if patch.mutability.keeps() { "visibility" } else { "mutability" },
    };
    let mut after = before.clone();
    patch.display_name.apply_or(&mut after.display_name, || before.name.clone());
    patch.mutability.apply_or(&mut after.mutability, only_administrators);
    patch.visibility.apply_or(&mut after.visibility, only_administrators);
    patch.scope.apply_optional(&mut after.scope);
    patch.min.apply_optional(&mut after.min);
    patch.max.apply_optional(&mut after.max);
    patch.pattern.apply_optional(&mut after.pattern);
    let faults = after.faults(&blamed);
    if !faults.is_empty() {
        return Err(Refused::Invalid(faults));
    }
    if after == before {
        return Ok(before);
    }
    if after.mutability == Audience::User && before.mutability != Audience::User {
        refuse_trusted(change, name).await?;
    }
    if (&after.scope, after.mutability) != (&before.scope, before.mutability) {
        change.require_recent()?;
    }
    after.version += 1;
    attributes::update(&change.transaction, &after.clone().into_row()).await?;
    change.record(Action::AttributeChanged, Object::Attribute(name), Some(&before), Some(&after)).await?;
    Ok(after)
}

/// Counts the users who have a value of the attribute `name`, up to 1,000.
pub async fn count_users(reading: &Reading<'_>, name: &str) -> Result<u64, Refused> {
    let app = reading.permit(Operation::AttributeShow)?;
    Ok(attributes::count_users(app.store.reader(), name, COUNTED).await?)
}

/// Refuses to let people edit the attribute `name` while a claim that applications trust comes from it.
async fn refuse_trusted(change: &Change<'_>, name: &str) -> Result<(), Refused> {
    let told = client_claims::of_attribute(&change.transaction, name, u32::MAX).await?;
    match told.iter().find(|row| TRUSTED_CLAIMS.contains(&row.detail.as_str())) {
        Some(UseRow { client_id, detail: claim, .. }) => Err(Refused::Conflict(format!(
            "mutability: expected an attribute that people may not edit, because the claim {claim} of the client {client_id} comes from it, \
             and applications trust that claim; remove the claim first"
        ))),
        None => Ok(()),
    }
}

/// Says how many users lose their values with an attribute. 1,000 stands for 1,000 or more.
pub fn users_with_values(number: u64) -> String {
    match number {
        0 => "No user has a value of it.".to_owned(),
        1 => "1 user loses their value of it.".to_owned(),
        COUNTED.. => "1,000 users or more lose their values of it.".to_owned(),
        several => format!("{several} users lose their values of it."),
    }
}

/// The values and claims that the removal of an attribute takes away too.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttributeRemoval {
    /// The name of the attribute.
    pub name: String,
    /// The number of users who lose their values; 1,000 stands for 1,000 or more.
    pub user_count: u64,
    /// The claims of clients that come from the attribute, in the order of the ids of the clients.
    pub claims: Vec<ClaimOfClient>,
}

/// Removes an attribute with the values that users have, and the claims of clients that come from it.
pub async fn remove(change: &mut Change<'_>, name: &str, expected_version: Option<i32>) -> Result<AttributeRemoval, Refused> {
    change.require(Operation::AttributeRemove)?;
    user_versions::renew_of_attribute(&change.transaction, name).await?;
    let row = attributes::lock(&change.transaction, name).await?.ok_or_else(|| Refused::not_found("attribute", name))?;
    let before = AttributeView::of(row)?;
    require_version(before.version, expected_version)?;
    change.require_version(before.version)?;
    let user_count = attributes::count_users(&change.transaction, name, COUNTED).await?;
    let claims = remove_of_attribute(change, name).await?;
    attributes::remove(&change.transaction, name).await?;
    change.record(Action::AttributeRemoved, Object::Attribute(name), Some(&before), None).await?;
    Ok(AttributeRemoval { name: before.name, user_count, claims })
}
