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
            Self::KeyPublished { .. } => "key_published",
            Self::KeyRevoked { .. } => "key_revoked",
            Self::Administered { .. } => "administered",
        }
    }

    fn user(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { user, .. }
            | Self::RefreshTokenReused { user, .. }
            | Self::RefreshTokenFromTheFuture { user, .. } => Some(user),
            Self::AuthorizationsEnded { user, .. } => user,
            _ => None,
        }
    }

    fn client(&self) -> Option<&str> {
        match *self {
            Self::AuthorizationGiven { client, .. }
            | Self::AuthorizationEnded { client, .. }
            | Self::RefreshTokenReused { client, .. }
            | Self::RefreshTokenFromTheFuture { client, .. } => Some(client),
            Self::AuthorizationsEnded { client, .. } => client,
            _ => None,
        }
    }

    fn authorization(&self) -> Option<Uuid> {
        match *self {
            Self::AuthorizationGiven { authorization, .. }
            | Self::AuthorizationEnded { authorization, .. }
            | Self::RefreshTokenReused { authorization, .. }
            | Self::RefreshTokenFromTheFuture { authorization, .. } => Some(authorization),
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
            Self::RefreshTokenReused { .. } | Self::RefreshTokenFromTheFuture { .. } => json!({}),
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
