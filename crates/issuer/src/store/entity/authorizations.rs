//! Rows of `authorizations`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorizations")]
#[expect(missing_docs, reason = "the columns are described in the migration")]
#[expect(clippy::struct_excessive_bools, reason = "each is a column or a fact of its own")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub client_id: String,
    pub scope: String,
    /// The identifiers of the resources that the authorization was given for, separated by spaces. Empty if it was given for any
    /// resource.
    pub resources: String,
    /// The request's `claims` parameter, as JSON.
    pub claims: Option<String>,
    pub refreshable: bool,
    pub salt: Vec<u8>,
    /// The version of the master key that authenticates the refresh tokens.
    pub key_version: i32,
    pub generation: i32,
    pub created_at: i64,
    pub refreshed_at: i64,
    pub expires_at: i64,
    pub auth_time: i64,
    pub acr: String,
    pub amr: String,
    pub sid: Option<String>,
    /// `true` if the authorization outlives its session (`offline_access`).
    pub offline: bool,
    pub ended_at: Option<i64>,
    /// The handle in its access tokens. `None` once none of them can be valid.
    pub grant_id: Option<Vec<u8>>,
    /// `false` if no access token carries the handle yet. Whoever gives one sets it before the token leaves the issuer.
    pub grant_id_used: bool,
    /// Unix seconds at which the session `sid` expires. `None` if the session has ended, or if the authorization has no session.
    /// This is not a column: the queries of `store::authorizations` that need it fill it in.
    #[sea_orm(ignore)]
    pub session_expires_at: Option<i64>,
    /// `true` if the user may sign in to the client. This is not a column either: the same queries fill it in.
    #[sea_orm(ignore)]
    pub may_use: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::users::Entity", from = "Column::UserId", to = "super::users::Column::Id")]
    Users,
}

impl ActiveModelBehavior for ActiveModel {}
