//! `POST …/preview`: what a change would give to users and take from them. The change obeys all its rules, and nothing of it is kept.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::edit_client::{self, ClientEdit, ClientPatch};
use crate::admin::preview::{Effect, Kind, Preview, Subject};
use crate::admin::{clients, groups, roles, users};
use crate::api::access::Access;
use crate::api::clients::in_metadata;
use crate::api::groups::{GroupPatchBody, MembersBody};
use crate::api::message::{Answer, Body, Name, shown};
use crate::api::roles::ScopesBody;
use crate::api::users::RolesBody;
use crate::fetch::budget::Asker;
use crate::web::error::problem::Problem;

/// What a change would do to users. Nothing was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preview)]
pub struct PreviewBody {
    /// What users would gain and lose: groups first, then roles, scopes, and the clients that they may sign in to. Empty if nobody who was
    /// examined would gain or lose any of these.
    pub effects: Vec<EffectBody>,
    /// The number of users whom the change concerns, at most 1,000.
    pub examined: usize,
    /// `false` if the change may concern more users or authorizations than were examined.
    pub complete: bool,
    /// The number of users who could no longer sign in to anything, because the change disables or deletes them.
    pub shut_out: usize,
    /// The number of live authorizations that would end, or whose users could no longer use the client that changes. Absent for changes of
    /// roles and groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizations: Option<usize>,
    /// The number of other live authorizations whose access tokens would be refused. Absent for changes of roles and groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_tokens: Option<usize>,
}

/// One thing that users would gain or lose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Effect)]
pub struct EffectBody {
    /// `group`, `role`, `scope` or `client`.
    #[schema(value_type = String)]
    pub kind: Kind,
    pub name: String,
    /// `true` if the users would gain it, `false` if they would lose it.
    pub gained: bool,
    /// The number of users who would gain or lose it, of those who were examined.
    pub count: usize,
    /// The usernames of the first 20 of them.
    pub users: Vec<String>,
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        let Preview { effects, examined, complete, shut_out, authorizations, refused_tokens } = preview;
        let effect = |Effect { kind, name, gained, count, users }| EffectBody { kind, name, gained, count, users };
        Self { effects: effects.into_iter().map(effect).collect(), examined, complete, shut_out, authorizations, refused_tokens }
    }
}

/// Answers with the effects of a change.
fn answer(preview: Preview) -> Response {
    shown(PreviewBody::from(preview))
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
    let subject = patch.subject(&clients::show(&access.reading(), &id).await?);
    let edition = ClientEdit::prepare(access.app(), patch, Asker::Operator).await.map_err(in_metadata)?;
    let work = access.preview(&subject, |change| Box::pin(async move { edit_client::edit(change, &id, edition, None).await.map(drop) }));
    Ok(answer(work.await.map_err(in_metadata)?))
}
