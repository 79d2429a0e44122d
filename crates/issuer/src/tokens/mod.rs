//! From an authorization to tokens. [`issue::issue`] is the only mint.

pub mod audience;
pub mod claims;
pub mod hint;
pub mod issue;
pub mod lookup;
pub mod narrow;
pub mod refresh;
pub mod user_claims;

use crate::clock::UnixSeconds;
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::AuthorizationRow;
use crate::store::clients::Client;
use crate::store::resources::Resource;
use crate::store::users::User;

/// What a grant's success amounts to: which user gave which client which scopes and resources.
#[derive(Debug)]
pub struct Authorization {
    /// On whose behalf the tokens are given.
    pub party: Party,
    /// All scopes that were granted and may still be held.
    pub granted: ScopeSet,
    /// The scopes that this request asks for; all that were granted if it names none.
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
    /// Neither the request nor the authorization names one.
    None,
}

impl RequestedResource {
    /// The resource that the request names.
    pub fn named(&self) -> Option<&Resource> {
        match self {
            Self::Named(resource) => Some(resource),
            Self::Default(_) | Self::None => None,
        }
    }
}

impl Authorization {
    /// The user and the row, unless the client acts for itself.
    pub fn user(&self) -> Option<&(User, AuthorizationRow)> {
        match &self.party {
            Party::User(user) => Some(user),
            Party::Client => None,
        }
    }
}

/// Whether `row` and its session live at `now`, and its user and client may act. Who asks for one of these asks for all.
pub fn is_alive(row: &AuthorizationRow, user: &User, client: &Client, now: UnixSeconds) -> bool {
    row.is_live(now) && user.enabled && client.enabled
}

/// On whose behalf tokens are given.
#[derive(Debug)]
pub enum Party {
    /// A user's, by an authorization with a row. Its generation is that of the refresh token to give.
    User(Box<(User, AuthorizationRow)>),
    /// The client's own.
    Client,
}
