//! The grants: ways to get tokens (RFC 6749 §1.3). Each checks its own parameters and returns an authorization, never a
//! token. Adding one is a file and a line in the list below.

mod claim;
mod client_credentials;
mod password;
mod refresh_token;

use std::net::IpAddr;

pub use claim::Claim;

use crate::app::App;
use crate::clock::UnixSeconds;
use crate::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::scope::ScopeSet;
use crate::store::clients::Client;
use crate::store::resources::{self, Resource};
use crate::tokens::Authorization;
use crate::tokens::audience::may_target;

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
        let Some(identifier) = self.form.get("resource") else { return Ok(None) };
        let resource = resources::by_identifier(self.app.store.reader(), identifier, &self.app.settings.issuer).await?;
        match resource.filter(|resource| may_target(self.client, resource)) {
            Some(resource) => Ok(Some(resource)),
            None => Err(OAuthError::new(Code::InvalidTarget, "resource: it is not known, or not for this client")),
        }
    }
}
