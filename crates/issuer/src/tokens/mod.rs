//! Turns authorizations into tokens, and looks tokens up. Only [`issue::issue`] makes tokens.

pub mod audience;
pub mod claims;
pub mod claims_length;
pub mod hint;
pub mod issue;
pub mod logout;
pub mod lookup;
pub mod named;
pub mod narrow;
pub mod refresh;
pub mod user_claims;

use crate::clock::UnixSeconds;
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::AuthorizationRow;
use crate::store::clients::Client;
use crate::store::resources::Resource;
use crate::store::users::User;

/// The result of a grant that succeeded: which user gave which client which scopes and resources.
#[derive(Debug)]
pub struct Authorization {
    /// The user or client for whom the tokens are issued.
    pub party: Party,
    /// All scopes that were granted and may still be held.
    pub granted: ScopeSet,
    /// The scopes that this request asks for. `None` if it asks for all that were granted.
    pub requested_scope: Option<ScopeSet>,
    /// The resource that the access token is for.
    pub resource: RequestedResource,
    /// The `nonce` of the authorization request, which the ID token repeats.
    pub nonce: Option<String>,
}

/// The resource that a request for tokens asks for (RFC 8707 §2).
#[derive(Debug)]
pub enum RequestedResource {
    /// The request names this one.
    Named(Resource),
    /// The request names none; the authorization was given for this one.
    Default(Resource),
    /// The request names none; the request with the password named this one, and got tokens for it alone.
    Alone(Resource),
    /// Neither the request nor the authorization names one.
    None,
}

impl RequestedResource {
    /// The resource that the request names.
    pub fn named(&self) -> Option<&Resource> {
        match self {
            Self::Named(resource) => Some(resource),
            Self::Default(_) | Self::Alone(_) | Self::None => None,
        }
    }
}

impl Authorization {
    /// Returns the user and the row of the authorization. `None` if the client acts for itself.
    pub fn user(&self) -> Option<&(User, AuthorizationRow)> {
        match &self.party {
            Party::User(user) => Some(user),
            Party::Client => None,
        }
    }
}

/// Returns whether `row` and its session are live at `now`, its user and client are enabled, and the user may sign in to the client.
/// Callers must not check these one by one, because each token needs all of them.
pub fn is_alive(row: &AuthorizationRow, user: &User, client: &Client, now: UnixSeconds) -> bool {
    why_dead(row, user, client, now).is_none()
}

/// Returns why [`is_alive`] does not hold, for the operator; `None` if it holds.
pub fn why_dead(row: &AuthorizationRow, user: &User, client: &Client, now: UnixSeconds) -> Option<&'static str> {
    if !row.is_live(now) {
        Some("the authorization or the session that it needs has ended")
    } else if !row.may_use {
        Some("the user may not sign in to the client any more")
    } else if !user.enabled {
        Some("the user is disabled")
    } else if !client.enabled {
        Some("the client is disabled")
    } else {
        None
    }
}

/// The user or client for whom tokens are issued.
#[derive(Debug)]
pub enum Party {
    /// A user, with the row of their authorization. The generation in the row is that of the refresh token to issue.
    User(Box<(User, AuthorizationRow)>),
    /// The client itself, without a user.
    Client,
}
