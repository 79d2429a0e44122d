//! `/api/v1/resources`: resources and the scopes that they own.
#![expect(clippy::option_option, reason = "in a merge patch null removes a value, and absence keeps it")]

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::edit_resource::{self, ResourcePatch, ScopesPatch};
use crate::admin::resources::{self, ResourceDraft, ResourceView, ScopeView};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, nullable, or_default, page, present, versioned};
use crate::api::version::has_version;
use crate::clock::UnixSeconds;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::token_claim::TokenClaim;

has_version! {
    ResourceView => version;
}

/// A scope that a resource is to own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScope {
    pub name: String,
    /// The text by which the consent page explains the scope. If empty, the one that the scope has; for a new scope, its name.
    #[serde(default)]
    pub description: String,
}

/// A new resource.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewResource)]
pub struct NewResourceBody {
    /// The `aud` of its tokens: an absolute URI without fragment.
    pub identifier: String,
    pub name: String,
    #[serde(default)]
    pub scopes: Vec<NewScope>,
    /// Seconds; absent for the setting `access_token_lifetime`.
    #[serde(default)]
    pub token_lifetime: Option<UnixSeconds>,
    #[serde(default)]
    pub open: bool,
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    pub access_token_typ: AccessTokenTyp,
    /// `groups`, `roles` or both.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false)]
    pub token_claims: Vec<TokenClaim>,
    /// Only groups whose names begin with this text are told.
    #[serde(default)]
    pub group_prefix: String,
}

/// A merge patch of a resource.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ResourcePatch)]
pub struct ResourcePatchBody {
    #[serde(deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub name: Option<String>,
    /// All scopes that the resource is to own. Those that it owns and that are not among these are removed, and whoever holds them loses them.
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<NewScope>>)]
    pub scopes: Option<Vec<NewScope>>,
    /// Seconds; null for the setting `access_token_lifetime`.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub token_lifetime: Option<Option<UnixSeconds>>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    pub open: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<String>)]
    pub access_token_typ: Option<AccessTokenTyp>,
    /// `groups`, `roles` or both.
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    pub token_claims: Option<Vec<TokenClaim>>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<String>)]
    pub group_prefix: Option<String>,
}

fn view(NewScope { name, description }: NewScope) -> ScopeView {
    ScopeView { name, description }
}

impl From<ResourcePatchBody> for ResourcePatch {
    fn from(body: ResourcePatchBody) -> Self {
        let ResourcePatchBody { name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix } = body;
        let scopes = scopes.map(|scopes| ScopesPatch::All(scopes.into_iter().map(view).collect()));
        Self { name, scopes, token_lifetime, open, access_token_typ, token_claims, group_prefix }
    }
}

pub(super) async fn list(access: Access) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, resources::list(&access.reading(), &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(identifier): Name<String>) -> Answer {
    let resource = resources::show(&access.reading(), &identifier).await?;
    Ok(versioned(&resource))
}

pub(super) async fn add(access: Access, Body(body): Body<NewResourceBody>) -> Answer {
    let identifier = body.identifier.clone();
    let draft = ResourceDraft {
        identifier: body.identifier,
        name: body.name,
        scopes: body.scopes.into_iter().map(view).collect(),
        token_lifetime: body.token_lifetime,
        open: body.open,
        access_token_typ: body.access_token_typ,
        token_claims: body.token_claims,
        group_prefix: body.group_prefix,
    };
    let added = match resources::check(&access.reading(), draft).await {
        Ok(resource) => access.change(move |change| Box::pin(resources::add(change, resource))).await,
        Err(refused) => Err(refused.into()),
    };
    match added {
        Ok(resource) => Ok(created(&access, &resource.identifier, &resource)),
        // It may be known by another spelling.
        Err(problem) => match resources::show(&access.reading(), &identifier).await {
            Ok(found) => Err(problem.with_existing(&found.identifier)),
            Err(_) => Err(problem),
        },
    }
}

pub(super) async fn edit(access: Access, Name(identifier): Name<String>, Body(body): Body<ResourcePatchBody>) -> Answer {
    let patch = body.into();
    let resource = access.change(|change| Box::pin(async move { edit_resource::edit(change, &identifier, patch).await })).await?;
    Ok(versioned(&resource))
}

pub(super) async fn remove(access: Access, Name(identifier): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { resources::remove(change, &identifier).await })).await?;
    Ok(done())
}
