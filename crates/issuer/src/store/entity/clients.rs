//! Rows of `clients`.

use sea_orm::entity::prelude::*;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub client_name: String,
    pub public: bool,
    pub grant_types: String,
    pub redirect_uris: String,
    pub default_resource: Option<String>,
    pub created_at: i64,
    pub disabled_at: Option<i64>,
    pub token_endpoint_auth_method: Option<String>,
    pub pkce: String,
    pub first_party: bool,
    pub metadata: String,
    pub registration_token_hash: Option<Vec<u8>>,
    pub access: String,
    pub id_token_claims: bool,
    pub group_filter: String,
    pub group_prefix: String,
    pub claims_allowed: bool,
    pub signals_of_all_users: bool,
    pub session_management: bool,
    pub last_used_at: Option<i64>,
    pub version: i32,
    pub grant_id: Vec<u8>,
}

/// Shows the id, but no hash.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("clients").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
