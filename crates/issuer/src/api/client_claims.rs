//! `/api/v1/clients/{id}/claims`: the claims that a client gets beside those of its scopes, and the trial of what it would be told.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::admin::client_claims::{self, Changed};
use crate::admin::clients;
use crate::admin::trial::{self, TrialRequest};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, shown, versioned};
use crate::api::version::Part;
use crate::oauth::client_claim::{ClientClaim, Shape};
use crate::oauth::json;
use crate::web::error::problem::Problem;

/// A claim of a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientClaim)]
pub struct ClaimBody {
    /// The name of the claim. A dot in it has no special meaning.
    pub claim: String,
    /// `user`, `attribute`, `groups`, `roles`, `group_map` or `fixed`.
    pub source: String,
    /// With the source `user`: the field of the user, such as `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// With the source `attribute`: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// With the source `group_map`: the groups with their values. The first group that the user is in comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Vec<MappedBody>>,
    /// With the source `group_map`: the value for a user who is in none of the groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// With the source `fixed`: the value for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// `list`, `first`, `comma` or `space`.
    pub shape: String,
    pub in_id_token: bool,
    pub in_userinfo: bool,
}

/// A group with the value that its members get.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MappedGroup)]
pub struct MappedBody {
    pub group: String,
    pub value: Value,
}

/// The claims of a client, by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientClaims)]
pub struct ClaimsBody {
    pub items: Vec<ClaimBody>,
}

/// The request to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrialRequest)]
pub struct TrialBody {
    pub username: String,
    /// The scopes to ask for, separated by spaces. Absent for the client's scopes of the resource or of its default resource; if it has
    /// neither, for its scopes of OpenID Connect. `offline_access` and the scopes of administration are tried only if they are named.
    #[serde(default)]
    pub scope: Option<String>,
    /// The identifier of the resource that the access token is for.
    #[serde(default)]
    pub resource: Option<String>,
}

fn object(value: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn view(claim: &ClientClaim) -> ClaimBody {
    serde_json::from_value(object(claim).into()).unwrap_or_default()
}

/// Returns the claim `name` after a change, with the version of its client.
fn claim_in(changed: &Changed, name: &str) -> Part<ClaimBody> {
    let part = changed.claims.iter().find(|own| own.claim == name).map(view).unwrap_or_default();
    Part { part, version: changed.version }
}

/// Reads the claim. Members that its source does not use are refused, so that none is ignored.
#[expect(clippy::result_large_err, reason = "a problem is made at most once for each request")]
fn claim_of(body: &ClaimBody) -> Result<ClientClaim, Problem> {
    let sent = object(body);
    let claim: ClientClaim = json::read(&sent.clone().into()).map_err(|error| {
        let member = error.pointer.trim_start_matches('/');
        if sent.contains_key(member) || member.is_empty() {
            let member = if Shape::parse(&body.shape).is_none() { "shape" } else { "source" };
            return Problem::of_member(format!("#/{member}"), format!("expected {}", error.expected));
        }
        Problem::of_member(format!("#/{member}"), format!("expected a value, because the source {} needs it", body.source))
    })?;
    let used = object(&claim);
    match sent.keys().find(|name| !used.contains_key(*name)) {
        Some(unused) => Err(Problem::of_member(
            format!("#/{unused}"),
            format!("expected nothing, because the source {} has no use for it", body.source),
        )),
        None => Ok(claim),
    }
}

pub(super) async fn list(access: Access, Name(id): Name<String>) -> Answer {
    let reading = access.reading();
    // The version is read first: if the claims change between, the next change with this ETag is refused.
    let client = clients::show(&reading, &id).await?;
    let claims = client_claims::list(&reading, &id).await?;
    Ok(versioned(&Part { part: ClaimsBody { items: claims.iter().map(view).collect() }, version: client.version }))
}

pub(super) async fn show(access: Access, Name((id, name)): Name<(String, String)>) -> Answer {
    let reading = access.reading();
    // The version is read first, as for the list.
    let client = clients::show(&reading, &id).await?;
    let claim = client_claims::show(&reading, &id, &name).await?;
    Ok(versioned(&Part { part: view(&claim), version: client.version }))
}

pub(super) async fn add(access: Access, Name(id): Name<String>, Body(body): Body<ClaimBody>) -> Answer {
    let claim = claim_of(&body)?;
    let name = claim.claim.clone();
    let added = access.change(|change| Box::pin(async move { client_claims::add(change, &id, claim).await })).await;
    let changed = added.map_err(|problem| problem.with_existing(&name))?;
    Ok(created(&access, &name, &claim_in(&changed, &name)))
}

pub(super) async fn put(access: Access, Name((id, name)): Name<(String, String)>, Body(body): Body<ClaimBody>) -> Answer {
    if body.claim != name {
        return Err(Problem::of_member("#/claim".to_owned(), format!("expected {name}, as the path names it")));
    }
    let claim = claim_of(&body)?;
    let changed = access.change(|change| Box::pin(async move { client_claims::put(change, &id, claim).await })).await?;
    Ok(versioned(&claim_in(&changed, &name)))
}

pub(super) async fn remove(access: Access, Name((id, name)): Name<(String, String)>) -> Answer {
    access.change(|change| Box::pin(async move { client_claims::remove(change, &id, &name).await })).await?;
    Ok(done())
}

pub(super) async fn try_out(access: Access, Name(client_id): Name<String>, Body(body): Body<TrialBody>) -> Answer {
    let request = TrialRequest { client_id, username: body.username, scope: body.scope, resource: body.resource };
    Ok(shown(trial::run(&access.reading(), &request).await?))
}
