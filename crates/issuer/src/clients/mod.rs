//! Clients prove who they are (RFC 6749 §2.3).

mod assertion;
pub mod authentication;

use crate::app::App;
use crate::oauth::client_auth::NONE;
use crate::oauth::error::{Code, OAuthError};
use crate::store::clients::Client;

/// The enabled client `id`.
async fn known(app: &App, id: &str) -> Result<Option<Client>, OAuthError> {
    Ok(app.store.client(id).await?.filter(|client| client.enabled))
}

/// The one answer to a client that is not known, or does not prove who it is.
fn failed() -> OAuthError {
    OAuthError::new(Code::InvalidClient, "client authentication failed")
}

/// Whether `client` may authenticate by `method`.
fn uses(client: &Client, method: &str) -> bool {
    client.token_endpoint_auth_method.as_deref().is_none_or(|own| own == method && own != NONE)
}
