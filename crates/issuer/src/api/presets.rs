//! `/api/v1/presets`: kinds of applications, and clients that are made from them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::clients::{self, Added, ClientView};
use crate::admin::new_client::ClientDraft;
use crate::admin::presets::{self, Paste, PresetView};
use crate::admin::{Fault, Faults};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created_in, shown};
use crate::api::version::has_version;
use crate::oauth::access::Access as MaySignIn;
use crate::oauth::scope::words;
use crate::web::error::problem::Problem;

has_version! {
    FromPresetAdded => client.version;
}

/// The presets, those for kinds of applications first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Presets)]
pub struct PresetsBody {
    pub items: Vec<PresetView>,
}

/// The values that a client from a preset needs in addition to the preset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClientFromPreset)]
pub struct FromPresetBody {
    /// The address of the application, if the preset needs one.
    #[serde(default)]
    pub url: Option<String>,
    /// Absent for the name of the preset.
    #[serde(default)]
    pub client_id: Option<String>,
    /// Absent for the title of the preset.
    #[serde(default)]
    pub client_name: Option<String>,
    /// Scopes beside those of the preset, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// The identifier of the resource of its tokens unless a request names another.
    #[serde(default)]
    pub default_resource: Option<String>,
    /// `everyone` or `groups`: the users who may sign in to it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub access: Option<MaySignIn>,
    /// The names of its groups, whose members may sign in to it, and of which it is told.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A client that was made from a preset, with its secret, which is shown only once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientFromPreset)]
pub struct FromPresetAdded {
    pub client: ClientView,
    /// Absent if the client has no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Says with which version the preset was run, or that it was not run.
    pub proof: String,
    /// The lines to paste into the application.
    pub paste: Vec<Paste>,
}

pub(super) async fn list(access: Access) -> Answer {
    Ok(shown(PresetsBody { items: presets::list(&access.reading())? }))
}

pub(super) async fn add(access: Access, Name(name): Name<String>, Body(body): Body<FromPresetBody>) -> Answer {
    let preset = presets::find(&name).map_err(|_| Problem::new(axum::http::StatusCode::NOT_FOUND, format!("there is no preset {name}")))?;
    let checked = preset.check_url(body.url.as_deref());
    // Everything else that is wrong is told at once, too.
    let url = checked.as_deref().unwrap_or(preset.example);
    let blank = preset.draft(url, access.app().settings.fetch_private_addresses);
    let draft = ClientDraft {
        client_id: body.client_id.or(blank.client_id),
        client_name: body.client_name.unwrap_or(blank.client_name),
        scope: Some(blank.scope.into_iter().flatten().chain(words(&body.scope).map(str::to_owned)).collect()),
        default_resource: body.default_resource,
        group_filter: preset.group_filter(body.access, &body.groups),
        access: body.access,
        groups: body.groups,
        ..blank
    };
    let id = draft.client_id.clone().unwrap_or_default();
    // The redirect URIs of a preset contain the address, which was sent.
    let of_address = |fault: Fault| if fault.field.ends_with("redirect_uris") { fault.at("/url") } else { fault };
    let client = clients::check(&access.reading(), draft).await.map_err(|refused| refused.placed(of_address));
    let (url, client) = Faults::of_both(checked, client).map_err(|refused| Problem::from(refused).with_existing(&id))?;
    let added = access.change(move |change| Box::pin(presets::add(change, preset, client, None))).await;
    let Added { client, client_secret } = added.map_err(|problem| problem.with_existing(&id))?;
    let paste = preset.lines(&access.app().settings.issuer, &url, &id, client_secret.as_deref());
    Ok(created_in(&access, "/clients", &id, &FromPresetAdded { client, client_secret, proof: preset.proof(), paste }))
}
