//! Client authentication: how clients prove who they are (RFC 6749 §2.3).

mod assertion;
pub mod authentication;

use crate::app::App;
use crate::oauth::client_auth::NONE;
use crate::oauth::error::OAuthError;
use crate::store::clients::Client;

/// Returns the client `id`. Fails if there is none, or if it is disabled.
async fn known(app: &App, id: &str) -> Result<Client, OAuthError> {
    let client = app.store.client(id).await?.ok_or_else(|| failed("there is no client with this id"))?;
    if client.enabled { Ok(client) } else { Err(failed("the client is disabled")) }
}

/// The same error for every client that is unknown, disabled or does not prove who it is, so that the answer does not reveal which
/// clients exist.
/// `reason` is logged and never sent.
fn failed(reason: &'static str) -> OAuthError {
    OAuthError::invalid_client().because(reason)
}

/// Returns whether `client` may authenticate by `method`.
fn uses(client: &Client, method: &str) -> bool {
    client.token_endpoint_auth_method.as_deref().is_none_or(|own| own == method && own != NONE)
}
