//! `/api/v1/groups`: groups and their members.
#![expect(clippy::option_option, reason = "in a merge patch null removes a value, and absence keeps it")]

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::groups::{self, GroupDraft, GroupFilter, GroupPatch, GroupView};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, nullable, or_default, page, present, shown, versioned};
use crate::api::version::has_version;

has_version! {
    GroupView => version;
}

/// A new group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub struct NewGroupBody {
    pub name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub external_id: Option<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub delegated: bool,
    #[serde(default)]
    pub is_default: bool,
}

/// A merge patch of a group.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = GroupPatch)]
pub struct GroupPatchBody {
    /// The new name. The old one is never given to another group.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub name: Option<String>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub display_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub external_id: Option<Option<String>>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    pub roles: Option<Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    pub delegated: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    pub is_default: Option<bool>,
}

impl From<GroupPatchBody> for GroupPatch {
    fn from(body: GroupPatchBody) -> Self {
        let GroupPatchBody { name, display_name, external_id, roles, delegated, is_default } = body;
        Self { name, display_name, external_id, roles, delegated, is_default }
    }
}

/// The usernames of the users to add and to take out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeMembers)]
pub struct MembersBody {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The ids of the users who were named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MembersChanged)]
pub struct MembersChangedBody {
    pub group: String,
    pub added: Vec<Uuid>,
    pub removed: Vec<Uuid>,
}

pub(super) async fn list(access: Access) -> Answer {
    let window = access.window(&["q"])?;
    let filter = GroupFilter { search: access.text("q").map(str::to_owned) };
    Ok(page(&access, groups::list(&access.reading(), &filter, &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(name): Name<String>) -> Answer {
    let group = groups::show(&access.reading(), &name).await?;
    Ok(versioned(&group))
}

pub(super) async fn members(access: Access, Name(name): Name<String>) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, groups::members(&access.reading(), &name, &window).await?, window.limit))
}

pub(super) async fn add(access: Access, Body(body): Body<NewGroupBody>) -> Answer {
    let NewGroupBody { name, display_name, external_id, roles, delegated, is_default } = body;
    let draft = GroupDraft { name: name.clone(), display_name, external_id, roles, delegated, is_default };
    match access.change(move |change| Box::pin(groups::add(change, draft))).await {
        Ok(group) => Ok(created(&access, &group.name, &group)),
        Err(problem) => match groups::show(&access.reading(), &name).await {
            Ok(found) => Err(problem.with_existing(&found.id.to_string())),
            Err(_) => Err(problem),
        },
    }
}

pub(super) async fn edit(access: Access, Name(name): Name<String>, Body(body): Body<GroupPatchBody>) -> Answer {
    let patch = body.into();
    let group = access.change(|change| Box::pin(async move { groups::edit(change, &name, patch).await })).await?;
    Ok(versioned(&group))
}

pub(super) async fn remove(access: Access, Name(name): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { groups::remove(change, &name).await })).await?;
    Ok(done())
}

pub(super) async fn change_members(access: Access, Name(name): Name<String>, Body(body): Body<MembersBody>) -> Answer {
    let change = access.change(|change| Box::pin(async move { groups::change_members(change, &name, &body.add, &body.remove).await }));
    let changed = change.await?;
    Ok(shown(MembersChangedBody { group: changed.group, added: changed.added, removed: changed.removed }))
}
