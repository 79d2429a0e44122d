//! Rows of `authorizations`.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorizations")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub client_id: String,
    pub scope: String,
    pub refreshable: bool,
    pub salt: Vec<u8>,
    pub key_version: i32,
    pub generation: i32,
    pub created_at: i64,
    pub refreshed_at: i64,
    pub expires_at: i64,
    pub auth_time: i64,
    pub acr: String,
    pub amr: String,
    pub sid: Option<String>,
    pub ended_at: Option<i64>,
}

/// No relations: the queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
