//! The events that the audit trail records, with their names and fields.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The cause of the end of a session, if somebody else signed in with the same browser.
pub const ANOTHER_SIGN_IN: &str = "another sign-in";

/// The numbers of sessions and authorizations that a change ended.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EndedAccess {
    #[serde(rename = "sessions_ended")]
    pub sessions: usize,
    #[serde(rename = "authorizations_ended")]
    pub authorizations: u64,
}

/// The object that an administrator's operation changes.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// A user, by id and username.
    User(Uuid, &'a str),
    /// A client, by its id.
    Client(&'a str),
    /// An authorization, by its id, with its user and its client.
    Authorization(Uuid, Uuid, &'a str),
    /// All authorizations of a user, of a client, or of a user at a client.
    Authorizations(Option<Uuid>, Option<&'a str>),
    /// A session, by its `sid`, with its user.
    Session(&'a str, Uuid),
    /// A group, by its id and its present name.
    Group(Uuid, &'a str),
    /// A role, by its name, which never changes.
    Role(&'a str),
    /// An attribute, by its name, which never changes.
    Attribute(&'a str),
    /// A resource, by its key in the database and its identifier.
    Resource(&'a str, &'a str),
    /// Any other object, by its name; a signing key by its `kid`.
    Named(&'a str),
}

// An operation and the event that it records have the same name.
macro_rules! actions {
    ($($variant:ident = $name:literal;)*) => {
        /// The operations that change something and so record an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Action { $($variant,)* }

        impl Action {
            /// Every action, in the order of the names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name of the event. Events that follow from the operation carry it as `by`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

actions! {
    AttributeAdded = "attribute_added";
    AttributeChanged = "attribute_changed";
    AttributeRemoved = "attribute_removed";
    AuthorizationEnded = "authorization_ended";
    AuthorizationsEnded = "authorizations_ended";
    ClientAdded = "client_added";
    ClientChanged = "client_changed";
    ClientClaimsChanged = "client_claims_changed";
    ClientDisabled = "client_disabled";
    ClientEnabled = "client_enabled";
    ClientRemoved = "client_removed";
    ClientSecretRotated = "client_secret_rotated";
    GroupAdded = "group_added";
    GroupChanged = "group_changed";
    GroupMembersChanged = "group_members_changed";
    GroupRemoved = "group_removed";
    KeysRevoked = "keys_revoked";
    KeysRotated = "keys_rotated";
    NameReleased = "name_released";
    RegistrationTokenIssued = "registration_token_issued";
    ResourceAdded = "resource_added";
    ResourceChanged = "resource_changed";
    ResourceRemoved = "resource_removed";
    RoleAdded = "role_added";
    RoleChanged = "role_changed";
    RoleRemoved = "role_removed";
    RoleScopesChanged = "role_scopes_changed";
    SessionEnded = "session_ended";
    StreamChanged = "stream_changed";
    StreamRemoved = "stream_removed";
    UserAdded = "user_added";
    UserChanged = "user_changed";
    UserDeleted = "user_deleted";
    UserDisabled = "user_disabled";
    UserEnabled = "user_enabled";
    UserGroupsChanged = "user_groups_changed";
    UserLinkMade = "user_link_made";
    UserPasswordSet = "user_password_set";
    UserRolesChanged = "user_roles_changed";
    UserSessionsEnded = "user_sessions_ended";
    UserUnlocked = "user_unlocked";
    UsersExported = "users_exported";
    UsersImported = "users_imported";
}

macro_rules! kinds {
    ($($variant:ident = $name:literal;)*) => {
        /// The events that no administrator's operation records by its own name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Kind { $($variant,)* }

        impl Kind {
            /// Every kind, in the order of [`Event`].
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name of the event.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    AuthorizationGiven = "authorization_given";
    AuthorizationEnded = "authorization_ended";
    RefreshTokenReused = "refresh_token_reused";
    RefreshTokenFromTheFuture = "refresh_token_from_the_future";
    CodeReplayed = "code_replayed";
    SignedIn = "signed_in";
    SignInFailed = "sign_in_failed";
    AccessRefused = "access_refused";
    SessionEnded = "session_ended";
    OthersEnded = "others_ended";
    PasswordChanged = "password_changed";
    PasswordSetByLink = "password_set_by_link";
    ProfileChanged = "profile_changed";
    OwnTokensRevoked = "own_tokens_revoked";
    ConsentGiven = "consent_given";
    ConsentWithdrawn = "consent_withdrawn";
    StreamAdded = "stream_added";
    StreamChanged = "stream_changed";
    StreamRemoved = "stream_removed";
    StreamPaused = "stream_paused";
    KeyPublished = "key_published";
    KeyRevoked = "key_revoked";
    KeyErased = "key_erased";
    LogoutNotDelivered = "logout_not_delivered";
}

/// The name of [`Event::SignInFailed`]. Strangers cause these events, so they are not kept for ever.
pub const SIGN_IN_FAILED: &str = "sign_in_failed";

/// An event, with what the audit trail keeps of it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Event<'a> {
    /// A user gave a client an authorization, through the grant `grant`.
    AuthorizationGiven { user: Uuid, client: &'a str, authorization: Uuid, grant: &'a str },
    /// An authorization was ended; `by` names the cause.
    AuthorizationEnded { authorization: Uuid, client: &'a str, by: &'a str },
    /// A refresh token was presented that had been spent long before, so it or its successor was probably stolen.
    RefreshTokenReused { user: Uuid, client: &'a str, authorization: Uuid },
    /// A refresh token was presented whose generation the database has not reached, so the database was probably restored from a backup.
    RefreshTokenFromTheFuture { user: Uuid, client: &'a str, authorization: Uuid },
    /// A spent code was presented again, so the code, and perhaps its tokens, were probably stolen.
    CodeReplayed { user: Uuid, client: &'a str, authorization: Uuid },
    /// A user signed in with a browser, or entered their password there again.
    SignedIn { user: Uuid, sid: &'a str },
    /// An attempt to sign in failed, by a wrong password or by that of a disabled user. `user` is `None` if there is no such account; what
    /// was typed as its name is not kept, because it may be a password. `client` is the client that asked for tokens by the password.
    SignInFailed { user: Option<Uuid>, client: Option<&'a str> },
    /// A user proved who they are, but may not sign in to the client, because they are in none of its groups.
    AccessRefused { user: Uuid, client: &'a str },
    /// A session ended; `by` names the cause.
    SessionEnded { user: Uuid, sid: &'a str, by: &'a str },
    /// A user ended all sessions and authorizations, in most cases but those of the browser that they used.
    OthersEnded { user: Uuid, ended: EndedAccess },
    /// A user changed their own password, which ended these sessions and authorizations.
    PasswordChanged { user: Uuid, ended: EndedAccess },
    /// A user set a password by a one-time link, which ended these sessions and authorizations.
    PasswordSetByLink { user: Uuid, ended: EndedAccess },
    /// A user changed their own profile.
    ProfileChanged { user: Uuid },
    /// A client revoked the access tokens that it had got for itself.
    OwnTokensRevoked { client: &'a str },
    /// A user consented that a client may use these scopes, and these resources by their ids, and is told the claims of these names.
    ConsentGiven { user: Uuid, client: &'a str, scope: &'a str, resources: &'a BTreeSet<String>, claims: &'a BTreeSet<String> },
    /// A user withdrew their consent to a client.
    ConsentWithdrawn { user: Uuid, client: &'a str },
    /// A client made a stream of security events, which comes by `method`.
    StreamAdded { client: &'a str, stream: &'a str, method: &'a str },
    /// The receiver of a stream changed its configuration or its status, or the users in it; `what` says which.
    StreamChanged { client: &'a str, stream: &'a str, what: &'a str },
    /// A client removed a stream.
    StreamRemoved { client: &'a str, stream: &'a str },
    /// The issuer paused a stream, because its receiver does not accept what is pushed.
    StreamPaused { client: &'a str, stream: &'a str, reason: &'a str },
    /// A signing key was added to the JWKS.
    KeyPublished { kid: &'a str },
    /// A signing key was revoked and so left the JWKS.
    KeyRevoked { kid: &'a str },
    /// The private part of a signing key that no longer signs was erased.
    KeyErased { kid: &'a str },
    /// A client was not told that a session has ended, because of `reason`, so the user may still be signed in there.
    LogoutNotDelivered { user: Uuid, client: &'a str, sid: &'a str, reason: &'a str },
    /// An administrator's operation changed `object`.
    Changed { action: Action, object: Object<'a>, before: Option<Value>, after: Option<Value> },
}

impl Event<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationGiven { .. } => Kind::AuthorizationGiven.name(),
            Self::AuthorizationEnded { .. } => Kind::AuthorizationEnded.name(),
            Self::RefreshTokenReused { .. } => Kind::RefreshTokenReused.name(),
            Self::RefreshTokenFromTheFuture { .. } => Kind::RefreshTokenFromTheFuture.name(),
            Self::CodeReplayed { .. } => Kind::CodeReplayed.name(),
            Self::SignedIn { .. } => Kind::SignedIn.name(),
            Self::SignInFailed { .. } => Kind::SignInFailed.name(),
            Self::AccessRefused { .. } => Kind::AccessRefused.name(),
            Self::SessionEnded { .. } => Kind::SessionEnded.name(),
            Self::OthersEnded { .. } => Kind::OthersEnded.name(),
            Self::PasswordChanged { .. } => Kind::PasswordChanged.name(),
            Self::PasswordSetByLink { .. } => Kind::PasswordSetByLink.name(),
            Self::ProfileChanged { .. } => Kind::ProfileChanged.name(),
            Self::OwnTokensRevoked { .. } => Kind::OwnTokensRevoked.name(),
            Self::ConsentGiven { .. } => Kind::ConsentGiven.name(),
            Self::ConsentWithdrawn { .. } => Kind::ConsentWithdrawn.name(),
            Self::StreamAdded { .. } => Kind::StreamAdded.name(),
            Self::StreamChanged { .. } => Kind::StreamChanged.name(),
            Self::StreamRemoved { .. } => Kind::StreamRemoved.name(),
            Self::StreamPaused { .. } => Kind::StreamPaused.name(),
            Self::KeyPublished { .. } => Kind::KeyPublished.name(),
            Self::KeyRevoked { .. } => Kind::KeyRevoked.name(),
            Self::KeyErased { .. } => Kind::KeyErased.name(),
            Self::LogoutNotDelivered { .. } => Kind::LogoutNotDelivered.name(),
            Self::Changed { action, .. } => action.name(),
        }
    }

    pub(super) fn user(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { user, .. }
            | Self::RefreshTokenReused { user, .. }
            | Self::RefreshTokenFromTheFuture { user, .. }
            | Self::CodeReplayed { user, .. }
            | Self::SignedIn { user, .. }
            | Self::AccessRefused { user, .. }
            | Self::SessionEnded { user, .. }
            | Self::OthersEnded { user, .. }
            | Self::PasswordChanged { user, .. }
            | Self::PasswordSetByLink { user, .. }
            | Self::ProfileChanged { user }
            | Self::ConsentGiven { user, .. }
            | Self::ConsentWithdrawn { user, .. }
            | Self::LogoutNotDelivered { user, .. } => Some(user),
            Self::Changed { object: Object::User(id, _) | Object::Authorization(_, id, _) | Object::Session(_, id), .. } => Some(id),
            Self::Changed { object: Object::Authorizations(user, _), .. } | Self::SignInFailed { user, .. } => user,
            _ => None,
        }
    }

    /// Returns the username of the user that an operation changed. It is personal.
    pub(super) fn username(&self) -> Option<&str> {
        match *self {
            Self::Changed { object: Object::User(_, username), .. } => Some(username),
            _ => None,
        }
    }

    pub(super) fn client(&self) -> Option<&str> {
        match *self {
            Self::AuthorizationGiven { client, .. }
            | Self::AuthorizationEnded { client, .. }
            | Self::RefreshTokenReused { client, .. }
            | Self::RefreshTokenFromTheFuture { client, .. }
            | Self::CodeReplayed { client, .. }
            | Self::OwnTokensRevoked { client }
            | Self::ConsentGiven { client, .. }
            | Self::AccessRefused { client, .. }
            | Self::StreamAdded { client, .. }
            | Self::StreamChanged { client, .. }
            | Self::StreamRemoved { client, .. }
            | Self::StreamPaused { client, .. }
            | Self::ConsentWithdrawn { client, .. }
            | Self::LogoutNotDelivered { client, .. } => Some(client),
            Self::Changed { object: Object::Client(id) | Object::Authorization(_, _, id), .. } => Some(id),
            Self::Changed { object: Object::Authorizations(_, client), .. } | Self::SignInFailed { client, .. } => client,
            _ => None,
        }
    }

    pub(super) fn authorization(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { authorization, .. }
            | Self::AuthorizationEnded { authorization, .. }
            | Self::RefreshTokenReused { authorization, .. }
            | Self::RefreshTokenFromTheFuture { authorization, .. }
            | Self::CodeReplayed { authorization, .. }
            | Self::Changed { object: Object::Authorization(authorization, ..), .. } => Some(authorization),
            _ => None,
        }
    }

    /// Returns the group, role, attribute or resource that an operation changed, as `kind:id`.
    pub(super) fn about(&self) -> Option<String> {
        match self {
            Self::Changed { object: Object::Group(id, _), .. } => Some(format!("group:{id}")),
            Self::Changed { object: Object::Role(name), .. } => Some(format!("role:{name}")),
            Self::Changed { object: Object::Attribute(name), .. } => Some(format!("attribute:{name}")),
            Self::Changed { object: Object::Resource(id, _), .. } => Some(format!("resource:{id}")),
            _ => None,
        }
    }

    pub(super) fn detail(&self) -> Value {
        match *self {
            Self::AuthorizationGiven { grant, .. } => json!({ "grant": grant }),
            Self::AuthorizationEnded { by, .. } => json!({ "by": by }),
            Self::StreamAdded { stream, method, .. } => json!({ "stream": stream, "method": method }),
            Self::StreamChanged { stream, what, .. } => json!({ "stream": stream, "changed": what }),
            Self::StreamRemoved { stream, .. } => json!({ "stream": stream }),
            Self::StreamPaused { stream, reason, .. } => json!({ "stream": stream, "reason": reason }),
            Self::KeyPublished { kid } | Self::KeyRevoked { kid } | Self::KeyErased { kid } => json!({ "kid": kid }),
            Self::Changed {
                object:
                    Object::Group(_, name) | Object::Role(name) | Object::Attribute(name) | Object::Resource(_, name) | Object::Named(name),
                ..
            } => json!({ "object": name }),
            Self::SignedIn { sid, .. } | Self::Changed { object: Object::Session(sid, _), .. } => json!({ "sid": sid }),
            Self::SessionEnded { sid, by, .. } => json!({ "sid": sid, "by": by }),
            Self::LogoutNotDelivered { sid, reason, .. } => json!({ "sid": sid, "reason": reason }),
            Self::OthersEnded { ended, .. } | Self::PasswordChanged { ended, .. } | Self::PasswordSetByLink { ended, .. } => json!(ended),
            Self::ConsentGiven { scope, resources, claims, .. } => json!({ "scope": scope, "resources": resources, "claims": claims }),
            _ => json!({}),
        }
    }
}
