//! The scopes and resources that users have allowed clients.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::{ScopeSet, words};
use crate::store::StoreError;
use crate::store::entity::clients;
use crate::store::entity::consents::{Column, Entity, Model, Relation};
use crate::store::query::allow_long_statements;
use crate::store::word_list::{has, without};

/// What a user has allowed a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Allowed {
    pub scope: ScopeSet,
    /// The ids of the resources that the user allowed by name, because they own no scopes.
    pub resources: BTreeSet<String>,
    /// The names of the claims that the user was shown, beside the standard claims of the scopes.
    pub claims: BTreeSet<String>,
}

impl Allowed {
    /// Returns `true` if `more` is allowed.
    pub fn covers(&self, more: &Self) -> bool {
        more.scope.is_subset(&self.scope) && more.resources.is_subset(&self.resources) && more.claims.is_subset(&self.claims)
    }

    fn of(row: &Model) -> Self {
        let set = |list: &str| words(list).map(str::to_owned).collect();
        Self { scope: words(&row.scope).collect(), resources: set(&row.resources), claims: set(&row.claims) }
    }
}

/// Returns the members of `set` separated by spaces, which is how they are stored.
pub fn list(set: &BTreeSet<String>) -> String {
    set.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The consent of a user to one client.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Consent {
    pub client_id: String,
    pub allowed: Allowed,
    /// Unix seconds at which the user last gave the consent.
    pub given_at: UnixSeconds,
}

/// Returns what `user` has allowed `client`; nothing if there is no consent.
pub async fn find(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<Allowed, StoreError> {
    let consent = Entity::find_by_id((user, client.to_owned())).all(db).await?.pop();
    Ok(consent.as_ref().map(Allowed::of).unwrap_or_default())
}

/// Adds `more` to what `user` has allowed `client`; returns all of it. Locks the row, so that no other transaction can change it until
/// the caller's transaction ends.
pub async fn give(db: &impl ConnectionTrait, user: Uuid, client: &str, more: &Allowed, now: UnixSeconds) -> Result<Allowed, StoreError> {
    // The first statement locks the row, so that the next one reads its latest state.
    let row = Model {
        user_id: user,
        client_id: client.to_owned(),
        scope: String::new(),
        resources: String::new(),
        claims: String::new(),
        given_at: now,
    };
    let or_renew = OnConflict::columns([Column::UserId, Column::ClientId]).update_column(Column::GivenAt).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(or_renew).exec_without_returning(db).await?;
    let earlier = find(db, user, client).await?;
    let all = Allowed {
        scope: earlier.scope.iter().chain(more.scope.iter()).collect(),
        resources: earlier.resources.union(&more.resources).cloned().collect(),
        claims: earlier.claims.union(&more.claims).cloned().collect(),
    };
    Entity::update_many()
        .col_expr(Column::Scope, Expr::value(all.scope.to_string()))
        .col_expr(Column::Resources, Expr::value(list(&all.resources)))
        .col_expr(Column::Claims, Expr::value(list(&all.claims)))
        .filter(Column::UserId.eq(user))
        .filter(Column::ClientId.eq(client))
        .exec(db)
        .await?;
    Ok(all)
}

/// Returns whether `user` has allowed `client` all of `scope`. Locks the row, so that a withdrawal waits until the caller's
/// transaction ends.
pub async fn holds(db: &impl ConnectionTrait, user: Uuid, client: &str, scope: &ScopeSet) -> Result<bool, StoreError> {
    let consent = Entity::find_by_id((user, client.to_owned())).lock_exclusive().all(db).await?.pop();
    Ok(consent.is_some_and(|consent| scope.is_subset(&Allowed::of(&consent).scope)))
}

/// Takes `scopes` from all consents, because they are about to be removed. Another scope that gets one of their names must be asked for.
pub async fn forget_scopes(db: &impl ConnectionTrait, scopes: &[String]) -> Result<(), StoreError> {
    allow_long_statements(db).await?;
    let lists_it = scopes.iter().fold(Condition::any(), |any, scope| any.add(has("consents.scope", scope)));
    Entity::update_many().col_expr(Column::Scope, without("scope", scopes)).filter(lists_it).exec(db).await?;
    Ok(())
}

/// Deletes the consent of `user` to `client`. Returns `false` if there was none.
pub async fn withdraw(db: &impl ConnectionTrait, user: Uuid, client: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id((user, client.to_owned())).exec(db).await?.rows_affected == 1)
}

/// Returns all consents of `user`, in the order of the names of the clients.
pub async fn of_user(db: &impl ConnectionTrait, user: Uuid) -> Result<Vec<Consent>, StoreError> {
    let rows = Entity::find()
        .join(JoinType::InnerJoin, Relation::Clients.def())
        .filter(Column::UserId.eq(user))
        .order_by_asc(clients::Column::ClientName)
        .order_by_asc(clients::Column::Id)
        .all(db)
        .await?;
    let consent = |row: Model| Consent { allowed: Allowed::of(&row), client_id: row.client_id, given_at: row.given_at };
    Ok(rows.into_iter().map(consent).collect())
}
