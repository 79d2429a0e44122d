//! `/api/v1/users`: users, their roles, passwords and access.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::attributes::Changes;
use crate::admin::authorizations::{self, AuthorizationFilter};
use crate::admin::users::{self, Ended, GivenPassword, NewUser, PasswordHash, UserDraft, UserFilter, UserPatch, UserView};
use crate::admin::{Faults, Refused, consents, sessions};
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, page, shown, versioned};
use crate::api::version::has_version;
use crate::web::error::problem::Problem;

has_version! {
    UserView => version;
    EndedBody => user.version;
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    pub username: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    /// The full name.
    #[serde(default)]
    pub name: Option<String>,
    /// The id in the system that manages your users.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The standard claims by name, such as `nickname`.
    #[serde(default)]
    pub claims: BTreeMap<String, Option<String>>,
    /// The declared attributes by name, each with a string, number or boolean, or a list of these.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>)]
    pub attributes: Changes,
    #[serde(default)]
    pub roles: Vec<String>,
    /// The groups beside the default ones.
    #[serde(default)]
    pub groups: Vec<String>,
    /// `false` for a user who cannot sign in until they are enabled.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Absent together with `password_hash` for a user who cannot sign in with a password until they set one by a link, which
    /// `POST /users/{id}/link` makes.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// In the place of `password`: its hash in another system, as text or as the object that Keycloak exports.
    #[serde(default)]
    pub password_hash: Option<Value>,
}

fn enabled() -> bool {
    true
}

/// The roles to give and to take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeRoles)]
pub struct RolesBody {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// The client whose consent is withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WithdrawConsent)]
pub struct ConsentBody {
    pub client_id: String,
}

/// A user whose access was ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserEnded)]
pub struct EndedBody {
    pub user: UserView,
    pub sessions_ended: usize,
    pub authorizations_ended: u64,
}

/// The number of sessions that were ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedSessions {
    pub sessions_ended: usize,
}

/// The number of authorizations that were ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndedAuthorizations {
    pub authorizations_ended: u64,
}

pub(super) async fn list(access: Access) -> Answer {
    let (window, enabled) = Problem::of_both(access.window(&["enabled", "q"]), access.flag("enabled"))?;
    let filter = UserFilter { enabled, search: access.text("q").map(str::to_owned) };
    Ok(page(&access, users::list(&access.reading(), &filter, &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(id): Name<Uuid>) -> Answer {
    let user = users::show_by_id(&access.reading(), id).await?;
    Ok(versioned(&user))
}

pub(super) async fn edit(access: Access, Name(id): Name<Uuid>, Body(patch): Body<UserPatch>) -> Answer {
    let user = access.change(move |change| Box::pin(users::edit(change, id, patch, None))).await?;
    Ok(versioned(&user))
}

pub(super) async fn remove(access: Access, Name(id): Name<Uuid>) -> Answer {
    access.change(move |change| Box::pin(users::delete(change, id, None))).await?;
    Ok(done())
}

pub(super) async fn unlock(access: Access, Name(id): Name<Uuid>) -> Answer {
    Ok(versioned(&access.change(move |change| Box::pin(users::unlock(change, id))).await?))
}

pub(super) async fn link(access: Access, Name(id): Name<Uuid>) -> Answer {
    Ok(shown(access.change(move |change| Box::pin(users::make_link(change, id))).await?))
}

pub(super) async fn consents(access: Access, Name(id): Name<Uuid>) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, consents::of_user(&access.reading(), id).await?, window.limit))
}

pub(super) async fn withdraw_consent(access: Access, Name(id): Name<Uuid>, Body(body): Body<ConsentBody>) -> Answer {
    access.change(|change| Box::pin(async move { consents::withdraw(change, id, &body.client_id).await })).await?;
    Ok(done())
}

pub(super) async fn add(access: Access, Body(body): Body<NewUserBody>) -> Answer {
    let username = body.username.clone();
    match insert(&access, body).await {
        Ok(user) => Ok(created(&access, &user.id.to_string(), &user)),
        Err(problem) => match users::show(&access.reading(), &username).await {
            Ok(found) => Err(problem.with_existing(&found.id.to_string())),
            Err(_) => Err(problem),
        },
    }
}

async fn insert(access: &Access, body: NewUserBody) -> Result<UserView, Problem> {
    let NewUserBody { username, email, email_verified, name, external_id, claims, attributes, roles, groups, enabled, .. } = body;
    let (password, password_hash) = (body.password, body.password_hash);
    let draft = UserDraft { username, email, email_verified, name, external_id, claims, attributes, roles, groups, disabled: !enabled };
    let given = match (password, password_hash) {
        (Some(_), Some(_)) => Err(Refused::invalid("password_hash", "nothing beside password")),
        (Some(password), None) => Ok(Some(GivenPassword::Plain(password))),
        (None, hash) => Ok(hash.map(GivenPassword::Hash)),
    };
    let password = match given {
        Ok(Some(given)) => given.check(access.app(), &draft.about()).await.map(Some),
        Ok(None) => Ok(None),
        Err(refused) => Err(refused),
    };
    let (user, password) = Faults::of_both(NewUser::check_all(&access.reading(), draft).await, password)?;
    let hash = match password {
        Some(password) => Some(password.hash(access.app()).await?),
        None => None,
    };
    access.change(move |change| Box::pin(users::add(change, user, hash))).await
}

pub(super) async fn roles(access: Access, Name(id): Name<Uuid>, Body(body): Body<RolesBody>) -> Answer {
    let change = access.change(|change| Box::pin(async move { users::change_roles(change, id, &body.add, &body.remove).await }));
    Ok(versioned(&change.await?))
}

pub(super) async fn password(access: Access, Name(id): Name<Uuid>, Body(body): Body<PasswordBody>) -> Answer {
    let user = users::show_by_id(&access.reading(), id).await?;
    let hash = PasswordHash::chosen(access.app(), body.password, &user.about()).await?;
    Ok(versioned(&ended(access.change(move |change| Box::pin(users::set_password(change, id, hash))).await?)))
}

pub(super) async fn disable(access: Access, Name(id): Name<Uuid>) -> Answer {
    Ok(versioned(&ended(access.change(move |change| Box::pin(users::disable(change, id))).await?)))
}

fn ended(Ended { user, ended }: Ended) -> EndedBody {
    EndedBody { user, sessions_ended: ended.sessions, authorizations_ended: ended.authorizations }
}

pub(super) async fn enable(access: Access, Name(id): Name<Uuid>) -> Answer {
    Ok(versioned(&access.change(move |change| Box::pin(users::enable(change, id))).await?))
}

pub(super) async fn end_sessions(access: Access, Name(id): Name<Uuid>) -> Answer {
    let sessions_ended = access.change(move |change| Box::pin(sessions::end_all(change, id))).await?;
    Ok(shown(EndedSessions { sessions_ended }))
}

pub(super) async fn end_authorizations(access: Access, Name(id): Name<Uuid>) -> Answer {
    users::show_by_id(&access.reading(), id).await?;
    let filter = AuthorizationFilter { user: Some(id), client: None };
    let ended = access.change(|change| Box::pin(async move { authorizations::end_all(change, &filter).await })).await?;
    Ok(shown(EndedAuthorizations { authorizations_ended: ended }))
}
