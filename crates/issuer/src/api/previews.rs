//! `POST …/preview`: what a change would give to users and take from them. The change obeys all its rules, and nothing of it is kept.

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::edit_client::{self, Changed, ClientEdit, ClientPatch};
use crate::admin::edit_resource::{self, ResourcePatch};
use crate::admin::preview::{Preview, Subject};
use crate::admin::{clients, groups, resources, roles, users};
use crate::api::access::Access;
use crate::api::groups::{GroupPatchBody, MembersBody};
use crate::api::message::{Answer, Body, Name, shown};
use crate::api::resources::ResourcePatchBody;
use crate::api::roles::ScopesBody;
use crate::api::users::RolesBody;
use crate::fetch::budget::Asker;
use crate::web::error::problem::Problem;

/// What an edit of a client would change, and what it would do to users. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientPreview {
    #[serde(flatten)]
    preview: Preview,
    /// The members that would change, by name. Those of the metadata stand beside the others.
    changes: BTreeMap<String, Changed>,
}

/// Answers with the effects of a change.
fn answer(preview: Preview) -> Response {
    shown(preview)
}

/// Returns the user `id` as the one whom a change concerns.
async fn the_user(access: &Access, id: Uuid) -> Result<Subject, Problem> {
    Ok(Subject::Users(vec![users::show_by_id(&access.reading(), id).await?.username]))
}

pub(super) async fn user_roles(access: Access, Name(id): Name<Uuid>, Body(body): Body<RolesBody>) -> Answer {
    let subject = the_user(&access, id).await?;
    let work = access
        .preview(&subject, |change| Box::pin(async move { users::change_roles(change, id, &body.add, &body.remove).await.map(drop) }));
    Ok(answer(work.await?))
}

pub(super) async fn user_disabled(access: Access, Name(id): Name<Uuid>) -> Answer {
    let subject = the_user(&access, id).await?;
    Ok(answer(access.preview(&subject, move |change| Box::pin(async move { users::disable(change, id).await.map(drop) })).await?))
}

pub(super) async fn user_removed(access: Access, Name(id): Name<Uuid>) -> Answer {
    let subject = the_user(&access, id).await?;
    Ok(answer(access.preview(&subject, move |change| Box::pin(async move { users::delete(change, id, None).await.map(drop) })).await?))
}

pub(super) async fn group_edited(access: Access, Name(name): Name<String>, Body(body): Body<GroupPatchBody>) -> Answer {
    let (subject, patch) = (Subject::Group(name.clone()), body.into());
    Ok(answer(access.preview(&subject, |change| Box::pin(async move { groups::edit(change, &name, patch).await.map(drop) })).await?))
}

pub(super) async fn group_members(access: Access, Name(name): Name<String>, Body(body): Body<MembersBody>) -> Answer {
    let MembersBody { add, remove } = body;
    let subject = Subject::Users([add.clone(), remove.clone()].concat());
    let work =
        access.preview(&subject, |change| Box::pin(async move { groups::change_members(change, &name, &add, &remove).await.map(drop) }));
    Ok(answer(work.await?))
}

pub(super) async fn group_removed(access: Access, Name(name): Name<String>) -> Answer {
    let subject = Subject::Group(name.clone());
    Ok(answer(access.preview(&subject, |change| Box::pin(async move { groups::remove(change, &name).await.map(drop) })).await?))
}

pub(super) async fn role_scopes(access: Access, Name(name): Name<String>, Body(body): Body<ScopesBody>) -> Answer {
    let subject = Subject::Role(name.clone());
    let work = access
        .preview(&subject, |change| Box::pin(async move { roles::change_scopes(change, &name, &body.add, &body.remove).await.map(drop) }));
    Ok(answer(work.await?))
}

pub(super) async fn role_removed(access: Access, Name(name): Name<String>) -> Answer {
    let subject = Subject::Role(name.clone());
    Ok(answer(access.preview(&subject, |change| Box::pin(async move { roles::remove(change, &name).await.map(drop) })).await?))
}

pub(super) async fn client_edited(access: Access, Name(id): Name<String>, Body(patch): Body<ClientPatch>) -> Answer {
    let before = clients::show(&access.reading(), &id).await?;
    let subject = patch.subject(&before);
    let edition = ClientEdit::prepare(access.app(), patch, Asker::Operator).await?;
    let work = access.preview_with(&subject, |change| Box::pin(async move { edit_client::edit(change, &id, edition, None).await }));
    let (edited, preview) = work.await?;
    Ok(shown(ClientPreview { preview, changes: edit_client::changes(&before, &edited.client) }))
}

pub(super) async fn resource_removed(access: Access, Name(identifier): Name<String>) -> Answer {
    let subject = edit_resource::subject_of_removal(&resources::show(&access.reading(), &identifier).await?);
    let work = access.preview(&subject, |change| Box::pin(async move { resources::remove(change, &identifier).await.map(drop) }));
    Ok(answer(work.await?))
}

pub(super) async fn resource_edited(access: Access, Name(identifier): Name<String>, Body(body): Body<ResourcePatchBody>) -> Answer {
    let patch = ResourcePatch::from(body);
    let subject = patch.subject(&resources::show(&access.reading(), &identifier).await?);
    let work = access.preview(&subject, |change| Box::pin(async move { edit_resource::edit(change, &identifier, patch).await.map(drop) }));
    Ok(answer(work.await?))
}
