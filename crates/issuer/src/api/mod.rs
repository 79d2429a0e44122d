//! Administration over REST: `/api/v1`. Each route declares the operation that it calls, and with it the scope that it needs; the handlers
//! reach the issuer through [`access::Access`] alone, which refuses whoever lacks that scope.

mod access;
mod attributes;
mod audit;
mod authorizations;
mod client_claims;
mod client_secrets;
mod client_streams;
mod clients;
pub mod docs;
mod document;
mod filter;
mod groups;
mod keys;
mod message;
mod overview;
mod pointer;
mod presets;
mod previews;
mod registration_tokens;
mod resource_routes;
mod resources;
mod roles;
mod route;
mod sessions;
mod users;
mod version;

use crate::admin::Operation as O;
use crate::admin::attributes::{AttributeDraft, AttributePatch, AttributeRemoval, AttributeView};
use crate::admin::audit::{AuditView, RefusalView};
use crate::admin::authorizations::AuthorizationView;
use crate::admin::client_streams::StreamView;
use crate::admin::clients::ClientView;
use crate::admin::consents::ConsentView;
use crate::admin::edit_client::ClientPatch;
use crate::admin::groups::GroupView;
use crate::admin::keys::KeyView;
use crate::admin::member::MemberView;
use crate::admin::preview::Preview;
use crate::admin::roles::RoleView;
use crate::admin::sessions::SessionView;
use crate::admin::stale::Stale;
use crate::admin::trial::Trial;
use crate::admin::users::{MadeLink, UserPatch, UserView};
use crate::api::filter::{BOOLEAN, Filter, INTEGER, TEXT, UUID};
use crate::api::overview::{ActivityOfHours, Checks, ClientsOfUser};
use crate::api::previews::ClientPreview;
use crate::api::route::Api;

pub use access::PREFIX;

/// The parameter of the lists that can be searched.
const SEARCH: Filter = ("q", TEXT, "Only those that have a word for each of these words, which is its beginning");

/// The parameters of a range of time.
const FROM: Filter = ("from", TEXT, "Only events from this time on: in RFC 3339, or a day such as 2026-01-31");
const UNTIL: Filter = ("until", TEXT, "Only events before this time: in RFC 3339, or a day such as 2026-01-31");

/// The parameters that select events of the audit trail.
const OF_AUDIT: &[Filter] = &[
    ("user", TEXT, "Only those about this user, by username or id"),
    ("client", TEXT, "Only those about this client"),
    ("event", TEXT, "Only those of this name, such as signed_in"),
    ("actor", TEXT, "Only those of this cause: operator, issuer, registration, stranger, user:NAME or client:ID"),
    ("address", TEXT, "Only those of requests from this IP address"),
    ("request_id", TEXT, "Only those of the request with this id"),
    (
        "object",
        TEXT,
        "Only those that changed this: attribute:NAME, group:NAME, resource:IDENTIFIER or role:NAME; what was removed is named by its id",
    ),
    FROM,
    UNTIL,
];

/// Returns all routes with their documentation.
#[expect(clippy::too_many_lines, reason = "it is the list of all routes")]
pub fn api() -> Api {
    let api = Api::default()
        .list::<UserView, _>(
            "/users",
            O::UserList,
            "List users by username",
            &[("enabled", BOOLEAN, "Only users that are enabled or disabled"), SEARCH],
            users::list,
        )
        .create::<users::NewUserBody, UserView, _>("/users", O::UserAdd, "Add a user", users::add)
        .show::<UserView, _>("/users/{id}", O::UserShow, "Show a user", users::show)
        .patch::<UserPatch, UserView, _>(
            "/users/{id}",
            O::UserEdit,
            "Edit a user: everything but the id, roles, groups and password",
            users::edit,
        )
        .delete("/users/{id}", O::UserDelete, "Delete a user with everything that depends on them", users::remove)
        .act::<users::RolesBody, UserView, _>("/users/{id}/roles", O::UserChangeRoles, "Give a user roles and take others", users::roles)
        .act::<users::PasswordBody, users::EndedBody, _>(
            "/users/{id}/password",
            O::UserSetPassword,
            "Set a password, which signs the user out everywhere",
            users::password,
        )
        .tell::<users::EndedBody, _>("/users/{id}/disable", O::UserDisable, "Disable a user and end all their access", users::disable)
        .tell::<UserView, _>("/users/{id}/enable", O::UserEnable, "Let a disabled user sign in again", users::enable)
        .tell::<UserView, _>("/users/{id}/unlock", O::UserUnlock, "Let a user who guessed wrong too often try again", users::unlock)
        .act::<users::RolesBody, Preview, _>(
            "/users/{id}/roles/preview",
            O::UserChangeRoles,
            "Show what a user would gain and lose with other roles; nothing is changed",
            previews::user_roles,
        )
        .tell::<Preview, _>(
            "/users/{id}/disable/preview",
            O::UserDisable,
            "Show what a user would lose if they were disabled; nothing is changed",
            previews::user_disabled,
        )
        .tell::<Preview, _>(
            "/users/{id}/removal/preview",
            O::UserDelete,
            "Show what a user would lose if they were deleted; nothing is changed",
            previews::user_removed,
        )
        .show::<ClientsOfUser, _>(
            "/users/{id}/clients",
            O::ClientListOfUser,
            "List the clients that a user may sign in to, and through which groups",
            overview::clients_of_user,
        )
        .tell::<MadeLink, _>(
            "/users/{id}/link",
            O::UserLink,
            "Make a link by which a user sets a password within 24 hours, in place of the one before",
            users::link,
        )
        .list::<ConsentView, _>("/users/{id}/consents", O::ConsentListOfUser, "List what a user allowed clients", &[], users::consents)
        .act_empty::<users::ConsentBody, _>(
            "/users/{id}/withdraw-consent",
            O::ConsentWithdraw,
            "Withdraw what a user allowed a client, and end its access",
            users::withdraw_consent,
        )
        .tell::<users::EndedSessions, _>(
            "/users/{id}/end-sessions",
            O::SessionEndAll,
            "Sign a user out of every browser",
            users::end_sessions,
        )
        .tell::<users::EndedAuthorizations, _>(
            "/users/{id}/end-authorizations",
            O::AuthorizationEndOfUser,
            "Sign a user out everywhere and end all their authorizations",
            users::end_authorizations,
        )
        .list::<GroupView, _>("/groups", O::GroupList, "List groups by name", &[SEARCH], groups::list)
        .create::<groups::NewGroupBody, GroupView, _>("/groups", O::GroupAdd, "Add a group", groups::add)
        .show::<GroupView, _>("/groups/{name}", O::GroupShow, "Show a group", groups::show)
        .patch::<groups::GroupPatchBody, GroupView, _>("/groups/{name}", O::GroupEdit, "Edit a group", groups::edit)
        .delete("/groups/{name}", O::GroupRemove, "Remove a group, which its members lose with its roles", groups::remove)
        .list::<MemberView, _>("/groups/{name}/members", O::GroupShow, "List the members of a group", &[], groups::members)
        .act::<groups::MembersBody, groups::MembersChangedBody, _>(
            "/groups/{name}/members",
            O::GroupChangeMembers,
            "Add users to a group and take others out",
            groups::change_members,
        )
        .act::<groups::MembersBody, Preview, _>(
            "/groups/{name}/members/preview",
            O::GroupChangeMembers,
            "Show what users would gain and lose with other memberships; nothing is changed",
            previews::group_members,
        )
        .act::<groups::GroupPatchBody, Preview, _>(
            "/groups/{name}/edit/preview",
            O::GroupEdit,
            "Show what the members would gain and lose if a group were edited; nothing is changed",
            previews::group_edited,
        )
        .tell::<Preview, _>(
            "/groups/{name}/removal/preview",
            O::GroupRemove,
            "Show what the members would lose if a group were removed; nothing is changed",
            previews::group_removed,
        )
        .list::<RoleView, _>("/roles", O::RoleList, "List roles by name", &[], roles::list)
        .create::<roles::NewRoleBody, RoleView, _>("/roles", O::RoleAdd, "Add a role", roles::add)
        .show::<RoleView, _>("/roles/{name}", O::RoleShow, "Show a role", roles::show)
        .patch::<roles::RolePatchBody, RoleView, _>("/roles/{name}", O::RoleEdit, "Edit a role", roles::edit)
        .delete("/roles/{name}", O::RoleRemove, "Remove a role, which its users lose", roles::remove)
        .act::<roles::ScopesBody, RoleView, _>(
            "/roles/{name}/scopes",
            O::RoleChangeScopes,
            "Add scopes to a role and take others",
            roles::scopes,
        )
        .act::<roles::ScopesBody, Preview, _>(
            "/roles/{name}/scopes/preview",
            O::RoleChangeScopes,
            "Show what users would gain and lose if a role had other scopes; nothing is changed",
            previews::role_scopes,
        )
        .tell::<Preview, _>(
            "/roles/{name}/removal/preview",
            O::RoleRemove,
            "Show what users would lose if a role were removed; nothing is changed",
            previews::role_removed,
        );
    let api = api
        .list::<AttributeView, _>("/attributes", O::AttributeList, "List attributes by name", &[], attributes::list)
        .create::<AttributeDraft, AttributeView, _>("/attributes", O::AttributeAdd, "Declare an attribute", attributes::add)
        .show::<AttributeView, _>("/attributes/{name}", O::AttributeShow, "Show an attribute", attributes::show)
        .patch::<AttributePatch, AttributeView, _>("/attributes/{name}", O::AttributeEdit, "Edit an attribute", attributes::edit)
        .tell::<AttributeRemoval, _>(
            "/attributes/{name}/removal/preview",
            O::AttributeRemove,
            "Show what would go with an attribute: values of users and claims of clients; nothing is changed",
            attributes::removal,
        )
        .delete(
            "/attributes/{name}",
            O::AttributeRemove,
            "Remove an attribute with the values of all users and the claims of clients",
            attributes::remove,
        );
    let api = api
        .list::<ClientView, _>(
            "/clients",
            O::ClientList,
            "List clients by id",
            &[
                ("enabled", BOOLEAN, "Only clients that are enabled or disabled"),
                ("registered", BOOLEAN, "Only clients that registered themselves, or only others"),
                SEARCH,
            ],
            clients::list,
        )
        .create::<clients::NewClientBody, clients::AddedBody, _>("/clients", O::ClientAdd, "Add a client", clients::add)
        .show::<ClientView, _>("/clients/{id}", O::ClientShow, "Show a client", clients::show)
        .patch::<ClientPatch, clients::AddedBody, _>(
            "/clients/{id}",
            O::ClientEdit,
            "Edit a client; what gives somebody more than before needs a recent sign-in of a user",
            clients::edit,
        )
        .act::<ClientPatch, ClientPreview, _>(
            "/clients/{id}/edit/preview",
            O::ClientEdit,
            "Show what an edit of a client would change, who could no longer use it, and who could from then on; nothing is changed",
            previews::client_edited,
        )
        .delete("/clients/{id}", O::ClientRemove, "Remove a client and end all authorizations that users gave it", clients::remove)
        .show::<client_secrets::SecretsBody, _>(
            "/clients/{id}/secrets",
            O::ClientShow,
            "List the valid secrets of a client, the newest first, without the secrets themselves",
            client_secrets::list,
        )
        .act::<client_secrets::NewSecretBody, client_secrets::SecretBody, _>(
            "/clients/{id}/secrets",
            O::ClientRotateSecret,
            "Make a new secret, which is shown once, and say when the current one ends",
            client_secrets::rotate,
        )
        .delete("/clients/{id}/secrets/old", O::ClientRotateSecret, "End all secrets of a client but the newest", client_secrets::end_old)
        .show::<client_claims::ClaimsBody, _>(
            "/clients/{id}/claims",
            O::ClientClaimList,
            "List the claims that a client gets beside those of its scopes",
            client_claims::list,
        )
        .create::<client_claims::ClaimBody, client_claims::ClaimBody, _>(
            "/clients/{id}/claims",
            O::ClientClaimPut,
            "Give a client a claim",
            client_claims::add,
        )
        .show::<client_claims::ClaimBody, _>("/clients/{id}/claims/{claim}", O::ClientClaimShow, "Show a claim", client_claims::show)
        .put::<client_claims::ClaimBody, client_claims::ClaimBody, _>(
            "/clients/{id}/claims/{claim}",
            O::ClientClaimPut,
            "Give a client a claim in place of an earlier one of the same name",
            client_claims::put,
        )
        .delete("/clients/{id}/claims/{claim}", O::ClientClaimRemove, "Take a claim from a client", client_claims::remove)
        .tell::<StreamView, _>(
            "/clients/{id}/streams/{stream_id}/pause",
            O::StreamSetPaused,
            "Pause a stream of Shared Signals; its events wait",
            client_streams::pause,
        )
        .tell::<StreamView, _>(
            "/clients/{id}/streams/{stream_id}/resume",
            O::StreamSetPaused,
            "Let a paused stream of Shared Signals go on",
            client_streams::resume,
        )
        .end(
            "/clients/{id}/streams/{stream_id}/remove",
            O::StreamRemove,
            "Remove a stream of Shared Signals with the events that wait in it",
            client_streams::remove,
        )
        .act::<client_claims::TrialBody, Trial, _>(
            "/clients/{id}/try",
            O::ClientTry,
            "Show what a client would be told of a user; nothing is signed and nobody is signed in",
            client_claims::try_out,
        )
        .file(
            "/clients/{id}/access",
            O::ClientReview,
            "Download the users who may sign in to a client, and through which of its groups",
            ("text/csv", &[]),
            clients::review,
        )
        .list::<RefusalView, _>(
            "/clients/{id}/refusals",
            O::RefusalList,
            "List the last 20 requests of a client that were refused, newest first",
            &[],
            clients::refusals,
        )
        .tell::<ClientView, _>("/clients/{id}/disable", O::ClientSetEnabled, "Refuse every request of a client", clients::disable)
        .tell::<ClientView, _>("/clients/{id}/enable", O::ClientSetEnabled, "Let a disabled client work again", clients::enable)
        .show::<presets::PresetsBody, _>("/presets", O::ClientList, "List the presets for clients", presets::list)
        .create::<presets::FromPresetBody, presets::FromPresetAdded, _>(
            "/presets/{name}/clients",
            O::ClientAdd,
            "Add a client from a preset, and get the lines to paste into the application",
            presets::add,
        );
    let api = resource_routes::add_to(api)
        .show::<Checks, _>("/checks", O::CheckList, "Run the checks of signet doctor, which change nothing", overview::checks)
        .show::<Stale, _>("/stale", O::StaleList, "List users and clients that nobody uses, and secrets that are old", overview::stale)
        .count::<ActivityOfHours, _>(
            "/activity",
            O::ActivityShow,
            "Count the sign-ins and tokens of the last hours",
            &[
                ("hours", INTEGER, "The number of hours, the present one included; 24 unless it is given"),
                ("client", TEXT, "Only tokens and failed sign-ins of the client with this id"),
            ],
            overview::activity,
        );
    api.show::<keys::Keys, _>("/keys", O::KeyList, "List all signing keys", keys::list)
        .tell::<KeyView, _>("/keys", O::KeyPublish, "Publish a key, which signs when verifiers have had time to fetch it", keys::publish)
        .tell::<keys::Revoked, _>("/keys/{kid}/revoke", O::KeyRevoke, "Take a key out of the JWKS at once", keys::revoke)
        .list::<SessionView, _>("/sessions", O::SessionList, "List the live sessions of all users", &[], sessions::list)
        .list::<SessionView, _>("/users/{id}/sessions", O::SessionListOfUser, "List the live sessions of a user", &[], sessions::of_user)
        .end("/sessions/{sid}/end", O::SessionEnd, "End a session", sessions::end)
        .list::<AuthorizationView, _>(
            "/authorizations",
            O::AuthorizationList,
            "List the live authorizations",
            &[("user", UUID, "Only those of the user with this id"), ("client", TEXT, "Only those of the client with this id")],
            authorizations::list,
        )
        .list::<AuthorizationView, _>(
            "/users/{id}/authorizations",
            O::AuthorizationListOfUser,
            "List the live authorizations of a user",
            &[],
            authorizations::of_user,
        )
        .end("/authorizations/{id}/end", O::AuthorizationEnd, "End an authorization", authorizations::end)
        .list::<AuditView, _>(
            "/audit",
            O::AuditList,
            "List the events of the audit trail, newest first, by at most one field beside the times",
            OF_AUDIT,
            audit::list,
        )
        .file(
            "/audit/lines",
            O::AuditList,
            "Download the newest events of the audit trail, at most 10,000, as JSON Lines",
            ("application/jsonl", OF_AUDIT),
            audit::lines,
        )
        .show::<AuditView, _>("/audit/{event}", O::AuditShow, "Show an event of the audit trail", audit::show)
        .list::<AuditView, _>(
            "/users/{id}/audit",
            O::AuditListOfUser,
            "List the events about a user, newest first",
            &[FROM, UNTIL],
            audit::of_user,
        )
        .act::<registration_tokens::NewTokenBody, registration_tokens::TokenBody, _>(
            "/registration-tokens",
            O::RegistrationTokenIssue,
            "Make an initial access token, with which clients register themselves",
            registration_tokens::issue,
        )
}
