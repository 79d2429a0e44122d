//! The grants: ways to get tokens (RFC 6749 §1.3). Each checks its own parameters and returns an authorization, never a
//! token, together with its redemption. To add a grant, write its file and add a line to the list below.

pub mod authorization_code;
mod client_credentials;
mod password;
mod refresh_token;

use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::clock::UnixSeconds;
use crate::config::MAX_TOKEN_LIFETIME;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::resource_identifier::is_same;
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::clients::Client;
use crate::store::users::User;
use crate::store::{Transaction, commit, roll_back};
use crate::tokens::audience::target;
use crate::tokens::named::named;
use crate::tokens::narrow::narrow;
use crate::tokens::{Authorization, RequestedResource};

/// The request for tokens, which every grant gets.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GrantContext<'a> {
    pub app: &'a App,
    /// The client, which is authenticated.
    pub client: &'a Client,
    /// The parameters of the request.
    pub form: &'a Form,
    /// The address, the `User-Agent` and the id of the request, for log lines and audit events.
    pub request: &'a RequestInfo,
    /// The time of the request, in Unix seconds.
    pub now: UnixSeconds,
    /// The redemption of the run before, if the grant runs again because it returned [`Settled::Narrowed`]. What it has proved need not be
    /// proved again.
    pub earlier: Option<&'a Redemption>,
}

/// The result of a grant that succeeded.
#[derive(Debug)]
pub struct Granted {
    /// The authorization from which tokens are minted.
    pub authorization: Authorization,
    /// The changes that the write transaction must make before the tokens may be given.
    pub redemption: Redemption,
}

/// Tells whether a redemption was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Everything is written, so the tokens may be given.
    Done,
    /// What the user or the client may do was narrowed since the grant read it. Nothing is written, and the grant may run again. An attempt
    /// that the grant has counted stays counted until then.
    Narrowed,
}

macro_rules! grants {
    ($($variant:ident = $name:literal => $module:ident;)*) => {
        /// The grant types of this issuer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Grant {
            $(#[doc = concat!("The grant type `", $name, "`.")] $variant,)*
        }

        impl Grant {
            /// All grant types of this issuer.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the value of `grant_type` that selects this grant.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            async fn dispatch(self, context: GrantContext<'_>) -> Result<Granted, OAuthError> {
                match self {
                    $(Self::$variant => {
                        let (authorization, redemption) = $module::run(context).await?;
                        Ok(Granted { authorization, redemption: Redemption::$variant(redemption) })
                    })*
                }
            }
        }

        /// The changes that a grant must make in the write transaction before its tokens may be given.
        #[derive(Debug)]
        pub enum Redemption {
            $(#[doc = concat!("The redemption of the grant `", $name, "`.")] $variant($module::Redemption),)*
        }

        impl Redemption {
            /// Checks again what the tokens depend on, and writes all changes or none. If it fails, the tokens must not be given.
            pub async fn settle(&self, context: GrantContext<'_>, authorization: &Authorization) -> Result<Settled, OAuthError> {
                match self { $(Self::$variant(redemption) => redemption.settle(context, authorization).await,)* }
            }
        }
    };
}

grants! {
    Password = "password" => password;
    AuthorizationCode = "authorization_code" => authorization_code;
    RefreshToken = "refresh_token" => refresh_token;
    ClientCredentials = "client_credentials" => client_credentials;
}

impl Grant {
    /// Returns the grant that a `grant_type` selects. `None` if this issuer has no such grant.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.name() == name)
    }
}

impl Redemption {
    /// Undoes what the grant has written although no tokens can be given: a right password must not count as a wrong one.
    pub async fn withdraw(&self, context: GrantContext<'_>) -> Result<(), OAuthError> {
        match self {
            Self::Password(redemption) => redemption.withdraw(context).await,
            Self::AuthorizationCode(_) | Self::RefreshToken(_) | Self::ClientCredentials(_) => Ok(()),
        }
    }
}

/// Runs `grant`. Fails with `unauthorized_client` if the client is not registered for it.
pub async fn run(grant: Grant, context: GrantContext<'_>) -> Result<Granted, OAuthError> {
    if !context.client.has_grant(grant.name()) {
        let found = grant.name();
        return Err(OAuthError::new(Code::UnauthorizedClient, format!("grant_type: this client is not registered for {found}")));
    }
    grant.dispatch(context).await
}

impl GrantContext<'_> {
    /// Returns the client as the actor of audit events.
    fn actor(&self) -> Actor {
        Actor::remote(Who::Client(self.client.id.clone()), Face::Token, self.request)
    }

    /// Returns the parameter `name`. Fails with `invalid_request` if it is missing.
    fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.form.get(name).ok_or_else(|| OAuthError::invalid_request(format!("{name}: expected a value; found none")))
    }

    /// Parses the `scope` parameter. Returns `None` if there is none.
    fn requested_scope(&self) -> Result<Option<ScopeSet>, OAuthError> {
        let parsed = self.form.get("scope").map(ScopeSet::parse).transpose();
        parsed.map_err(|error| OAuthError::new(Code::InvalidScope, error.to_string()))
    }

    /// Returns those scopes of `held` that `user` and the client may still have, because roles and clients may have changed since the scopes
    /// were granted. Fails with `invalid_scope` if none of them is left.
    fn still_allowed(&self, held: &ScopeSet, user: &User) -> Result<ScopeSet, OAuthError> {
        let allowed = narrow(held, self.client, Some(user));
        if allowed.is_empty() && !held.is_empty() {
            return Err(OAuthError::new(Code::InvalidScope, "scope: none of the scopes that were granted is still allowed"));
        }
        Ok(allowed)
    }

    /// Looks up the resource that the `resource` parameter names (RFC 8707 §2), for an authorization without resources.
    async fn named_resource(&self) -> Result<RequestedResource, OAuthError> {
        Ok(named(self.app, self.client, self.form, None).await?.map_or(RequestedResource::None, RequestedResource::Named))
    }

    /// Looks up the resource that the request names, or else the first one that the authorization `row` was given for. The others are not
    /// looked up, because they may have been removed. If the authorization was given for none, any may be named. So it is with one that was given
    /// by a password, because nobody was shown the resource that the client named.
    async fn authorized_resource(&self, row: &AuthorizationRow) -> Result<RequestedResource, OAuthError> {
        let identifiers: Vec<&str> = row.resources.split_whitespace().collect();
        let named = named(self.app, self.client, self.form, Some(&row.scope)).await?;
        let identifier = named.as_ref().map(|named| named.identifier(&self.app.settings.issuer));
        let binds = !identifiers.is_empty() && row.sid.is_some();
        if identifier.is_some_and(|named| binds && !identifiers.iter().any(|authorized| is_same(authorized, &named))) {
            return Err(OAuthError::new(Code::InvalidTarget, "resource: the authorization was not given for it"));
        }
        Ok(match (named, identifiers.first()) {
            (Some(named), _) => RequestedResource::Named(named),
            (None, Some(first)) if row.sid.is_none() => RequestedResource::Alone(target(self.app, self.client, first).await?),
            (None, Some(first)) => RequestedResource::Default(target(self.app, self.client, first).await?),
            (None, None) => RequestedResource::None,
        })
    }
}

/// Makes the row of a new authorization. The caller fills in the user, whether they may use the client, the scopes and how they signed in.
pub fn new_row(app: &App, client: &Client, now: UnixSeconds) -> AuthorizationRow {
    let refreshable = client.has_grant(Grant::RefreshToken.name());
    let lifetime: UnixSeconds = if refreshable { app.settings.refresh_absolute_lifetime } else { MAX_TOKEN_LIFETIME };
    AuthorizationRow {
        id: app.clock.ordered_uuid(),
        user_id: Uuid::nil(),
        client_id: client.id.clone(),
        scope: String::new(),
        resources: String::new(),
        claims: None,
        refreshable,
        salt: app.clock.random_bytes::<16>().to_vec(),
        key_version: app.master.current(),
        generation: 0,
        grant_id: Some(app.clock.random_bytes::<16>().to_vec()),
        grant_id_used: true,
        created_at: now,
        refreshed_at: now,
        expires_at: now + lifetime,
        auth_time: now,
        acr: String::new(),
        amr: String::new(),
        sid: None,
        offline: false,
        session_expires_at: None,
        may_use: false,
        ended_at: None,
    }
}

/// Inserts the authorization of `row` for `user`, records that it was given by `grant`, and commits `transaction`. If the user or the client is
/// no longer as the grant read them, writes nothing: returns [`Settled::Narrowed`] if what they may do was narrowed, and `None` if one of them
/// was disabled or the password was changed.
async fn insert(
    transaction: Transaction,
    context: GrantContext<'_>,
    (user, row): &(User, AuthorizationRow),
    grant: Grant,
) -> Result<Option<Settled>, OAuthError> {
    if !authorizations::insert(&transaction, row, user, context.client).await? {
        roll_back(transaction).await?;
        let is_narrowed = !authorizations::is_as_read(context.app.store.writer(), user, context.client).await?;
        return Ok(is_narrowed.then_some(Settled::Narrowed));
    }
    let actor = Actor::remote(Who::User(row.user_id), Face::Token, context.request);
    let (user, client, authorization) = (row.user_id, row.client_id.as_str(), row.id);
    let event = Event::AuthorizationGiven { user, client, authorization, grant: grant.name() };
    audit::record(&transaction, context.now, &actor, event).await?;
    commit(transaction).await?;
    Ok(Some(Settled::Done))
}

/// Returns the error for an authorization that [`insert`] did not insert.
fn changed_meanwhile() -> OAuthError {
    OAuthError::invalid_grant().because("the user or the client was disabled, or the password was changed meanwhile")
}
