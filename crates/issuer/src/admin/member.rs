//! A user as the lists of a group's members and of a role's users name them.

use serde::Serialize;
use uuid::Uuid;

use crate::store::members::MemberRow;

/// A member of a group, or a user of a role.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct MemberView {
    pub id: Uuid,
    pub username: String,
    pub name: Option<String>,
}

impl From<MemberRow> for MemberView {
    fn from(row: MemberRow) -> Self {
        Self { id: row.id, username: row.username, name: row.name }
    }
}
