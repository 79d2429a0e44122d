//! Client authentication: how clients prove who they are (RFC 6749 §2.3).

mod assertion;
pub mod authentication;

use crate::app::App;
use crate::oauth::client_auth::NONE;
use crate::oauth::error::{Code, OAuthError};
use crate::store::clients::Client;

/// Returns the client `id` if it exists and is enabled.
async fn known(app: &App, id: &str) -> Result<Option<Client>, OAuthError> {
    Ok(app.store.client(id).await?.filter(|client| client.enabled))
}

/// The same error for every client that is unknown, disabled or does not prove who it is, so that the answer does not reveal which
/// clients exist.
fn failed() -> OAuthError {
    OAuthError::new(Code::InvalidClient, "client authentication failed")
}

/// Returns whether `client` may authenticate by `method`.
fn uses(client: &Client, method: &str) -> bool {
    client.token_endpoint_auth_method.as_deref().is_none_or(|own| own == method && own != NONE)
}
