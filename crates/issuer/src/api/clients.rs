//! `/api/v1/clients`: adds, lists, changes and removes clients.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::admin::audit;
use crate::admin::clients::{self, Added, ClientFilter, ClientView};
use crate::admin::edit_client::{self, ClientEdit, ClientPatch, Edited};
use crate::admin::new_client::ClientDraft;
use crate::admin::{Faults, Listing};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, page, versioned};
use crate::api::version::has_version;
use crate::fetch::budget::Asker;
use crate::oauth::access::Access as MaySignIn;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::words;
use crate::web::error::problem::Problem;
use crate::web::file;

has_version! {
    ClientView => version;
    AddedBody => client.version;
}

/// A new client. Members carry the names of RFC 7591 where it has them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct NewClientBody {
    /// Absent for a random id.
    #[serde(default)]
    pub client_id: Option<String>,
    pub client_name: String,
    #[serde(default)]
    pub grant_types: Vec<String>,
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The scopes that it may ask for, separated by spaces.
    #[serde(default)]
    pub scope: String,
    #[serde(default)]
    pub token_endpoint_auth_method: Option<String>,
    /// The identifier of the resource of its tokens unless a request names another.
    #[serde(default)]
    pub default_resource: Option<String>,
    /// The origins with scripts that call the token endpoint. If empty, those of the redirect URIs.
    #[serde(default)]
    pub origins: Vec<String>,
    #[serde(default)]
    pub public: bool,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub pkce: Option<Pkce>,
    /// `true` if users are not asked for consent.
    #[serde(default)]
    pub first_party: bool,
    /// `everyone` or `groups`: the users who may sign in to it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub access: Option<MaySignIn>,
    /// The names of its groups, whose members may sign in to it, and of which it is told.
    #[serde(default)]
    pub groups: Vec<String>,
    /// `true` if ID tokens also carry the claims of the granted scopes.
    #[serde(default)]
    pub id_token_claims: bool,
    /// The groups that it is told of: `assigned`, `prefix` or `all`.
    #[serde(default)]
    pub group_filter: Option<String>,
    #[serde(default)]
    pub group_prefix: String,
    /// `false` if it is told of no groups, roles and attributes.
    #[serde(default)]
    pub claims_allowed: Option<bool>,
    /// `true` if its streams of Shared Signals tell of users who have never authorized it, too.
    #[serde(default)]
    pub signals_of_all_users: bool,
    /// `true` if its pages may watch by a frame whether the user is still signed in (OpenID Connect Session Management 1.0).
    #[serde(default)]
    pub session_management: bool,
    /// The metadata of RFC 7591 that has no member here, such as `logo_uri`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// A client after it was added or changed, with its new secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientAdded)]
pub struct AddedBody {
    pub client: ClientView,
    /// Absent if the client got no new secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

pub(super) async fn list(access: Access) -> Answer {
    let flags = Problem::of_both(access.flag("enabled"), access.flag("registered"));
    let (window, (enabled, registered)) = Problem::of_both(access.window(&["enabled", "registered", "q"]), flags)?;
    let filter = ClientFilter { enabled, registered, search: access.text("q").map(str::to_owned) };
    Ok(page(&access, clients::list(&access.reading(), &filter, &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(id): Name<String>) -> Answer {
    let client = clients::show(&access.reading(), &id).await?;
    Ok(versioned(&client))
}

pub(super) async fn review(access: Access, Name(id): Name<String>) -> Answer {
    let (app, actor) = access.owned();
    Ok(file::access_review(app, actor, id).await?)
}

pub(super) async fn refusals(access: Access, Name(id): Name<String>) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, Listing::whole(audit::refusals(&access.reading(), &id).await?), window.limit))
}

pub(super) async fn add(access: Access, Body(body): Body<NewClientBody>) -> Answer {
    let id = body.client_id.clone();
    let mut faults = Faults::default();
    let metadata = edit_client::metadata_of(body.metadata, &mut faults);
    let draft = ClientDraft {
        client_id: body.client_id,
        client_name: body.client_name,
        grant_types: body.grant_types,
        redirect_uris: body.redirect_uris,
        scope: Some(words(&body.scope).map(str::to_owned).collect()),
        token_endpoint_auth_method: body.token_endpoint_auth_method,
        default_resource: body.default_resource,
        origins: body.origins,
        public: body.public,
        pkce: body.pkce,
        first_party: body.first_party,
        access: body.access,
        groups: body.groups,
        id_token_claims: body.id_token_claims,
        group_filter: body.group_filter,
        group_prefix: body.group_prefix,
        claims_allowed: body.claims_allowed,
        signals_of_all_users: body.signals_of_all_users,
        session_management: body.session_management,
        metadata,
    };
    let with_existing = |problem: Problem| match &id {
        Some(id) => problem.with_existing(id),
        None => problem,
    };
    let checked = faults.with(clients::check(&access.reading(), draft).await);
    let client = checked.map_err(|refused| with_existing(refused.into()))?;
    clients::check_sector(access.app(), &client, Asker::Operator).await?;
    let logo = clients::fetch_logo(access.app(), client.metadata(), Asker::Operator).await?;
    let added = access.change(move |change| Box::pin(clients::add(change, client, logo, None))).await;
    let Added { client, client_secret } = added.map_err(with_existing)?;
    let id = client.client_id.clone();
    Ok(created(&access, &id, &AddedBody { client, client_secret }))
}

pub(super) async fn edit(access: Access, Name(id): Name<String>, Body(patch): Body<ClientPatch>) -> Answer {
    let edition = ClientEdit::prepare(access.app(), patch, Asker::Operator).await?;
    let Edited { client, client_secret } =
        access.change(|change| Box::pin(async move { edit_client::edit(change, &id, edition, None).await })).await?;
    Ok(versioned(&AddedBody { client, client_secret }))
}

pub(super) async fn remove(access: Access, Name(id): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { clients::remove(change, &id).await })).await?;
    Ok(done())
}

pub(super) async fn disable(access: Access, Name(id): Name<String>) -> Answer {
    set_enabled(&access, id, false).await
}

pub(super) async fn enable(access: Access, Name(id): Name<String>) -> Answer {
    set_enabled(&access, id, true).await
}

async fn set_enabled(access: &Access, id: String, enabled: bool) -> Answer {
    Ok(versioned(&access.change(|change| Box::pin(async move { clients::set_enabled(change, &id, enabled).await })).await?))
}
