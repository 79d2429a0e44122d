//! The audit trail: typed events, written in the transaction of what they tell.

use crate::store::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::audit_events::{self, AuditRow};

/// What happened.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the fields are what their names say")]
pub enum Event<'a> {
    /// A user got tokens by signing in.
    AuthorizationGiven { user: Uuid, client: &'a str, authorization: Uuid, grant: &'a str },
    /// An authorization was ended.
    AuthorizationEnded { authorization: Uuid, client: &'a str, by: &'a str },
    /// All authorizations of a user or client were ended.
    AuthorizationsEnded { user: Option<Uuid>, client: Option<&'a str>, count: u64 },
    /// A refresh token that was spent long ago came again: it or its successor is stolen.
    RefreshTokenReused { user: Uuid, client: &'a str, authorization: Uuid },
    /// A refresh token came that the database has not given yet: an older state of it was restored.
    RefreshTokenFromTheFuture { user: Uuid, client: &'a str, authorization: Uuid },
    /// A code that was spent came again: it is stolen, and so may be what it gave.
    CodeReplayed { user: Uuid, client: &'a str, authorization: Uuid },
    /// A user signed in with a browser, or showed their password there again.
    SignedIn { user: Uuid, sid: &'a str },
    /// A session ended.
    SessionEnded { user: Uuid, sid: &'a str, by: &'a str },
    /// A user chose another password.
    PasswordChanged { user: Uuid },
    /// A user changed what is known of them.
    ProfileChanged { user: Uuid },
    /// A user allowed a client these scopes.
    ConsentGiven { user: Uuid, client: &'a str, scope: &'a str },
    /// A user took that back.
    ConsentWithdrawn { user: Uuid, client: &'a str },
    /// A client registered itself, or removed itself.
    ClientRegistered { client: &'a str },
    /// See [`Event::ClientRegistered`].
    ClientDeleted { client: &'a str },
    /// A key came into the JWKS.
    KeyPublished { kid: &'a str },
    /// A key was revoked.
    KeyRevoked { kid: &'a str },
    /// An administrator changed a user, client, role or resource.
    Administered { action: &'a str, object: &'a str },
}

impl Event<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationGiven { .. } => "authorization_given",
            Self::AuthorizationEnded { .. } => "authorization_ended",
            Self::AuthorizationsEnded { .. } => "authorizations_ended",
            Self::RefreshTokenReused { .. } => "refresh_token_reused",
            Self::RefreshTokenFromTheFuture { .. } => "refresh_token_from_the_future",
            Self::CodeReplayed { .. } => "code_replayed",
            Self::SignedIn { .. } => "signed_in",
            Self::SessionEnded { .. } => "session_ended",
            Self::PasswordChanged { .. } => "password_changed",
            Self::ProfileChanged { .. } => "profile_changed",
            Self::ConsentGiven { .. } => "consent_given",
            Self::ConsentWithdrawn { .. } => "consent_withdrawn",
            Self::ClientRegistered { .. } => "client_registered",
            Self::ClientDeleted { .. } => "client_deleted",
            Self::KeyPublished { .. } => "key_published",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::Administered { .. } => "administered",
        }
    }

    fn user(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { user, .. }
            | Self::RefreshTokenReused { user, .. }
            | Self::RefreshTokenFromTheFuture { user, .. }
            | Self::CodeReplayed { user, .. }
            | Self::SignedIn { user, .. }
            | Self::SessionEnded { user, .. }
            | Self::PasswordChanged { user }
            | Self::ProfileChanged { user }
            | Self::ConsentGiven { user, .. }
            | Self::ConsentWithdrawn { user, .. } => Some(user),
            Self::AuthorizationsEnded { user, .. } => user,
            _ => None,
        }
    }

    fn client(&self) -> Option<&str> {
        match *self {
            Self::AuthorizationGiven { client, .. }
            | Self::AuthorizationEnded { client, .. }
            | Self::RefreshTokenReused { client, .. }
            | Self::RefreshTokenFromTheFuture { client, .. }
            | Self::CodeReplayed { client, .. }
            | Self::ConsentGiven { client, .. }
            | Self::ConsentWithdrawn { client, .. }
            | Self::ClientRegistered { client }
            | Self::ClientDeleted { client } => Some(client),
            Self::AuthorizationsEnded { client, .. } => client,
            _ => None,
        }
    }

    fn authorization(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { authorization, .. }
            | Self::AuthorizationEnded { authorization, .. }
            | Self::RefreshTokenReused { authorization, .. }
            | Self::RefreshTokenFromTheFuture { authorization, .. }
            | Self::CodeReplayed { authorization, .. } => Some(authorization),
            _ => None,
        }
    }

    fn detail(&self) -> Value {
        match *self {
            Self::AuthorizationGiven { grant, .. } => json!({ "grant": grant }),
            Self::AuthorizationEnded { by, .. } => json!({ "by": by }),
            Self::AuthorizationsEnded { count, .. } => json!({ "count": count }),
            Self::KeyPublished { kid } | Self::KeyRevoked { kid } => json!({ "kid": kid }),
            Self::Administered { action, object } => json!({ "action": action, "object": object }),
            Self::SignedIn { sid, .. } => json!({ "sid": sid }),
            Self::SessionEnded { sid, by, .. } => json!({ "sid": sid, "by": by }),
            Self::ConsentGiven { scope, .. } => json!({ "scope": scope }),
            _ => json!({}),
        }
    }
}

/// Writes `event` down, in the caller's transaction.
pub async fn record(db: &impl ConnectionTrait, at: UnixSeconds, event: Event<'_>) -> Result<(), StoreError> {
    let row = AuditRow {
        at,
        event: event.name(),
        user_id: event.user(),
        client_id: event.client(),
        authorization_id: event.authorization(),
        detail: event.detail().to_string(),
    };
    audit_events::insert(db, row).await
}
