//! Import and export of users, as lines of JSON with the field names of the REST API.

mod administrators;
mod batch;
mod catalogue;
pub mod export;
mod import;
mod line;
mod plan;
mod turns;

pub use batch::{BATCH, Batch, Line, Refusal};
pub use import::{Counts, Import, Prepared};
pub use line::MAX_LINE;
pub use plan::{ImportOptions, Kept};
pub use turns::Turns;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::admin::Refused;
use crate::clock::{UnixSeconds, rfc3339, rfc3339_or_none};
use crate::oauth::standard_claims::StandardClaims;
use crate::store::attributes::{self, Values};
use crate::store::users::UserRow;
use crate::store::{ConnectionTrait, groups, roles};
use catalogue::Catalogue;

/// A user with everything that an import sets and an export tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WholeUser {
    row: UserRow,
    roles: BTreeSet<String>,
    groups: BTreeSet<String>,
    attributes: Values,
    /// The names of the attributes whose values the user typed.
    typed: BTreeSet<String>,
}

impl WholeUser {
    /// Reads what belongs to the users `rows`.
    async fn read(db: &impl ConnectionTrait, rows: Vec<UserRow>) -> Result<Vec<Self>, Refused> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = || rows.iter().map(|row| row.id);
        let mut roles = roles::of_users(db, ids()).await?;
        let mut groups = groups::of_users(db, ids()).await?;
        let mut attributes = attributes::with_marks(db, ids()).await?;
        let whole = |row: UserRow| {
            let (attributes, typed) = attributes.remove(&row.id).unwrap_or_default();
            Self {
                roles: roles.remove(&row.id).unwrap_or_default().into_iter().collect(),
                groups: groups.remove(&row.id).unwrap_or_default().into_iter().collect(),
                attributes,
                typed,
                row,
            }
        };
        Ok(rows.into_iter().map(whole).collect())
    }

    /// Returns the exported form, with the hash of the password only if `with_password`.
    fn exported(&self, catalogue: &Catalogue, with_password: bool) -> ExportedUser<'_> {
        let row = &self.row;
        let password = with_password
            .then_some(Password { password_hash: row.password_hash.as_deref(), password_generated_at: row.password_generated_at });
        ExportedUser {
            id: row.id,
            username: &row.username,
            email: row.email.as_deref(),
            email_verified: row.email_verified,
            name: row.name.as_deref(),
            external_id: row.external_id.as_deref(),
            enabled: row.disabled_at.is_none(),
            claims: StandardClaims::from_json(&row.claims),
            password,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_sign_in_at: row.last_sign_in_at,
            roles: &self.roles,
            groups: &self.groups,
            attributes: self.attributes.iter().map(|(name, values)| (name.as_str(), catalogue.json(name, values))).collect(),
            typed_attributes: (!self.attributes.is_empty()).then_some(&self.typed),
        }
    }
}

/// A user as an export writes them and an import reads them.
#[derive(Serialize)]
struct ExportedUser<'u> {
    id: Uuid,
    username: &'u str,
    email: Option<&'u str>,
    email_verified: bool,
    name: Option<&'u str>,
    external_id: Option<&'u str>,
    enabled: bool,
    claims: StandardClaims,
    #[serde(flatten)]
    password: Option<Password<'u>>,
    #[serde(serialize_with = "rfc3339")]
    created_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339")]
    updated_at: UnixSeconds,
    #[serde(serialize_with = "rfc3339_or_none")]
    last_sign_in_at: Option<UnixSeconds>,
    roles: &'u BTreeSet<String>,
    groups: &'u BTreeSet<String>,
    attributes: BTreeMap<&'u str, Value>,
    /// The names of the attributes whose values the user typed. `None` for a user without attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    typed_attributes: Option<&'u BTreeSet<String>>,
}

/// The password of an exported user.
#[derive(Serialize)]
struct Password<'u> {
    password_hash: Option<&'u str>,
    #[serde(serialize_with = "rfc3339_or_none")]
    password_generated_at: Option<UnixSeconds>,
}
