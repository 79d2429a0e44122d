//! The grants: ways to get tokens (RFC 6749 §1.3). Each checks its own parameters and returns an authorization, never a
//! token. Adding one is a file and a line in the list below.

pub mod authorization_code;
mod claim;
mod client_credentials;
mod password;
mod refresh_token;

use std::net::IpAddr;

use uuid::Uuid;

pub use claim::Claim;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::config::MAX_TOKEN_LIFETIME;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::AuthorizationRow;
use crate::store::clients::Client;
use crate::store::resources::Resource;
use crate::tokens::Authorization;
use crate::tokens::audience::target;

/// What every grant needs.
#[derive(Clone, Copy)]
pub struct GrantContext<'a> {
    /// The issuer.
    pub app: &'a App,
    /// The client, authenticated.
    pub client: &'a Client,
    /// The request's parameters.
    pub form: &'a Form,
    /// Where the request comes from.
    pub address: IpAddr,
    /// The time of the request, in Unix seconds.
    pub now: UnixSeconds,
}

/// A grant's success, and what the transaction must claim before tokens may be given.
#[derive(Debug)]
pub struct Granted {
    /// What was granted.
    pub authorization: Authorization,
    /// What must hold, and be written, for that to stand.
    pub claim: Claim,
}

macro_rules! grants {
    ($($variant:ident = $name:literal => $module:ident;)*) => {
        /// The grant types of this issuer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Grant {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Grant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The `grant_type`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            async fn dispatch(self, context: GrantContext<'_>) -> Result<Granted, OAuthError> {
                match self { $(Self::$variant => $module::run(context).await,)* }
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
    /// The grant of a `grant_type`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.name() == name)
    }
}

/// Runs `grant`, if the client is registered for it.
pub async fn run(grant: Grant, context: GrantContext<'_>) -> Result<Granted, OAuthError> {
    if !context.client.has_grant(grant.name()) {
        return Err(OAuthError::new(Code::UnauthorizedClient, "this client is not registered for this grant_type"));
    }
    grant.dispatch(context).await
}

impl GrantContext<'_> {
    /// The parameter `name`, which the grant cannot do without.
    fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.form.get(name).ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }

    /// The `scope` parameter.
    fn asked_scope(&self) -> Result<Option<ScopeSet>, OAuthError> {
        let parsed = self.form.get("scope").map(ScopeSet::parse).transpose();
        parsed.map_err(|error| OAuthError::new(Code::InvalidScope, error.to_string()))
    }

    /// The resource that the `resource` parameter names (RFC 8707 §2).
    async fn named_resource(&self) -> Result<Option<Resource>, OAuthError> {
        match self.form.get("resource") {
            Some(identifier) => Ok(Some(target(self.app, self.client, identifier).await?)),
            None => Ok(None),
        }
    }

    /// The resource that is named, and the one to take if none is, of an authorization that was given for `authorized`
    /// (identifiers, space-separated; any if empty).
    async fn resources(&self, authorized: &str) -> Result<(Option<Resource>, Option<Resource>), OAuthError> {
        let named = self.named_resource().await?;
        let identifiers: Vec<&str> = authorized.split_whitespace().collect();
        let Some(first) = identifiers.first() else { return Ok((named, None)) };
        let issuer = &self.app.settings.issuer;
        if named.as_ref().is_some_and(|named| !identifiers.contains(&named.identifier(issuer).as_str())) {
            return Err(OAuthError::new(Code::InvalidTarget, "resource: the authorization was not given for it"));
        }
        Ok((named, Some(target(self.app, self.client, first).await?)))
    }
}

/// The row of a new authorization, but for its user, scopes, and how they signed in.
fn new_row(context: GrantContext<'_>) -> AuthorizationRow {
    let GrantContext { app, client, now, .. } = context;
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
        created_at: now,
        refreshed_at: now,
        expires_at: now + lifetime,
        auth_time: now,
        acr: String::new(),
        amr: String::new(),
        sid: None,
        offline: false,
        session_expires_at: None,
        ended_at: None,
    }
}
