//! `/api/v1/roles`: roles and their scopes.
#![expect(clippy::option_option, reason = "in a merge patch null removes a value, and absence keeps it")]

use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin::roles::{self, RolePatch, RoleView};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, nullable, or_default, page, versioned};
use crate::api::version::has_version;

has_version! {
    RoleView => version;
}

/// A new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRole)]
pub struct NewRoleBody {
    pub name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// `true` if the help desk may give the role and take it away.
    #[serde(default)]
    pub delegated: bool,
}

/// A merge patch of a role.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RolePatch)]
pub struct RolePatchBody {
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub display_name: Option<Option<String>>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    pub delegated: Option<bool>,
}

/// The scopes to add and to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeScopes)]
pub struct ScopesBody {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

pub(super) async fn list(access: Access) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, roles::list(&access.reading(), &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(name): Name<String>) -> Answer {
    let role = roles::show(&access.reading(), &name).await?;
    Ok(versioned(&role))
}

pub(super) async fn add(access: Access, Body(body): Body<NewRoleBody>) -> Answer {
    let NewRoleBody { name, display_name, scopes, delegated } = body;
    let added = match roles::check(&access.reading(), &name, display_name, &scopes).await {
        Ok(role) => access.change(move |change| Box::pin(roles::add(change, role.delegated(delegated)))).await,
        Err(refused) => Err(refused.into()),
    };
    let role = added.map_err(|problem| problem.with_existing(&name))?;
    Ok(created(&access, &role.name, &role))
}

pub(super) async fn edit(access: Access, Name(name): Name<String>, Body(body): Body<RolePatchBody>) -> Answer {
    let patch = RolePatch { display_name: body.display_name, delegated: body.delegated };
    let role = access.change(|change| Box::pin(async move { roles::edit(change, &name, patch).await })).await?;
    Ok(versioned(&role))
}

pub(super) async fn remove(access: Access, Name(name): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { roles::remove(change, &name).await })).await?;
    Ok(done())
}

pub(super) async fn scopes(access: Access, Name(name): Name<String>, Body(body): Body<ScopesBody>) -> Answer {
    let change = access.change(|change| Box::pin(async move { roles::change_scopes(change, &name, &body.add, &body.remove).await }));
    let role = change.await?;
    Ok(versioned(&role))
}
