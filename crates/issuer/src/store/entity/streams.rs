//! Rows of `streams`.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "streams")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub client_id: String,
    pub method: String,
    pub endpoint_url: Option<String>,
    pub authorization_header: Option<String>,
    pub events_requested: String,
    pub session_revoked: bool,
    pub credential_change: bool,
    pub description: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub created_at: i64,
    pub overflowed_at: Option<i64>,
    pub held: i32,
    pub verified_at: Option<i64>,
    pub delivered_at: Option<i64>,
    pub failing_since: Option<i64>,
    pub last_error: Option<String>,
}

/// Shows the id, but no header.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("streams").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
