//! Rows of `audit_events`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: i64,
    pub event: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub face: String,
    pub request_id: Option<String>,
    pub user_id: Option<Uuid>,
    pub client_id: Option<String>,
    pub authorization_id: Option<Uuid>,
    pub about: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub detail: String,
    pub times: i64,
    pub last_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
