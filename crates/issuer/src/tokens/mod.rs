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

/// What a grant's success amounts to.
#[derive(Debug)]
pub struct Authorization {
    /// On whose behalf.
    pub party: Party,
    /// All that was granted and still may be held.
    pub granted: ScopeSet,
    /// The scopes that this request wants of it; all if it does not say.
    pub wanted: Option<ScopeSet>,
    /// The resource that this request names.
    pub resource: Option<Resource>,
    /// The resource to take where none is named, before the client's default.
    pub default_resource: Option<Resource>,
    /// Given back in the ID token.
    pub nonce: Option<String>,
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
