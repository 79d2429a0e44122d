//! Rows of `outbox`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub receiver: String,
    pub client_id: Option<String>,
    pub event: String,
    pub user_id: Option<Uuid>,
    pub sid: Option<String>,
    pub details: String,
    pub created_at: i64,
    pub attempts: i32,
    pub next_attempt_at: i64,
    pub leased_until: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
