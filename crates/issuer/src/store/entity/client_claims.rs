//! Rows of `client_claims`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_claims")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub claim: String,
    pub source: String,
    pub source_key: Option<String>,
    pub shape: String,
    pub map: Option<String>,
    pub default_value: Option<String>,
    pub in_id_token: bool,
    pub in_userinfo: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
