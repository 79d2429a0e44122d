//! Client authentication (RFC 6749 §2.3) against the database.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header;
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::app::App;
use crate::endpoints::parameters::Parameters;
use crate::error::{Code, OAuthError};
use crate::oauth::client_auth::{ClientAuthError, ClientCredentials};
use crate::store::clients::Client;

/// The client that `parameters` come from. A request without client authentication is the default client's.
///
/// Secrets are 256 random bits, so guessing them is not counted: 2^256 guesses need no counter.
pub async fn authenticate(app: &App, parameters: &Parameters) -> Result<Client, OAuthError> {
    let headers = parameters.headers.get_all(header::AUTHORIZATION).iter().map(header::HeaderValue::as_bytes);
    let credentials = ClientCredentials::parse(headers, &parameters.form).map_err(|error| match error {
        ClientAuthError::Malformed => OAuthError::new(Code::InvalidClient, error.to_string()),
        ClientAuthError::SeveralMethods | ClientAuthError::MissingId => OAuthError::invalid_request(error.to_string()),
    })?;
    let (id, secret) = match credentials {
        ClientCredentials::Secret(id, secret) => (id, Some(secret)),
        ClientCredentials::Id(id) => (id, None),
        ClientCredentials::Absent => {
            let default = app.settings.default_client.clone();
            (default.ok_or_else(|| OAuthError::new(Code::InvalidClient, "client authentication is missing"))?, None)
        }
    };
    let client = app.store.client(&id).await?;
    client
        .filter(|client| client.enabled && proves(client, secret.as_ref()))
        .ok_or_else(|| OAuthError::new(Code::InvalidClient, "client authentication failed"))
}

/// A public client proves nothing and must not pretend to; a confidential one shows a good secret.
fn proves(client: &Client, secret: Option<&SecretString>) -> bool {
    match secret {
        None => client.public,
        Some(_) if client.public => false,
        Some(secret) => {
            let hash = digest(&SHA256, secret.expose_secret().as_bytes());
            let matches = client.secret_hashes.iter().map(|good| good.as_slice().ct_eq(hash.as_ref()));
            matches.fold(Choice::from(0), |any, one| any | one).into()
        }
    }
}
