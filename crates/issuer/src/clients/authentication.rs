//! Client authentication (RFC 6749 §2.3) against the database.

use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::app::App;
use crate::audit::RequestInfo;
use crate::clients::assertion;
use crate::clients::{failed, known, uses};
use crate::oauth::client_auth::{ClientAuthError, ClientCredentials};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::secret;
use crate::store::clients::Client;

/// Returns the client that sent the request. A request without client authentication comes from the default client. Fails with
/// `invalid_client` if the client does not prove who it is, and with `invalid_request` if the parameters contradict each other.
///
/// Attempts are not counted, because a secret is 256 random bits and cannot be guessed.
pub async fn authenticate<'h>(
    app: &App,
    authorization: impl Iterator<Item = &'h [u8]>,
    form: &Form,
    request: &RequestInfo,
) -> Result<Client, OAuthError> {
    let credentials = ClientCredentials::parse(authorization, form).map_err(|error| match error {
        ClientAuthError::Malformed => OAuthError::new(Code::InvalidClient, error.to_string()),
        ClientAuthError::SeveralMethods | ClientAuthError::MissingId | ClientAuthError::AssertionType => {
            OAuthError::invalid_request(error.to_string())
        }
    })?;
    match credentials {
        ClientCredentials::Secret(id, secret, method) => {
            let client = known(app, &id).await?;
            if !has_secret(&client, &secret) {
                return Err(failed(if client.public { "the client is public and has no secret" } else { "the client secret is wrong" }));
            }
            if uses(&client, method) { Ok(client) } else { Err(failed("the client is registered for another authentication method")) }
        }
        ClientCredentials::Id(id) => public(known(app, &id).await?),
        ClientCredentials::Assertion(id, assertion) => {
            assertion::authenticate(app, id.as_deref(), assertion.expose_secret(), request).await
        }
        ClientCredentials::Absent => {
            let default = app.settings.default_client.as_deref();
            let id = default.ok_or_else(|| OAuthError::new(Code::InvalidClient, "client authentication is missing"))?;
            public(known(app, id).await?)
        }
    }
}

/// Returns `client` if it need not authenticate.
fn public(client: Client) -> Result<Client, OAuthError> {
    if client.public { Ok(client) } else { Err(failed("the client is confidential, but the request carries no secret and no assertion")) }
}

fn has_secret(client: &Client, secret: &SecretString) -> bool {
    let hash = secret::hash(secret.expose_secret());
    let matches = client.secret_hashes.iter().map(|good| good.as_slice().ct_eq(&hash));
    // A public client has no secret, so a request of it that carries one is refused.
    !client.public && bool::from(matches.fold(Choice::from(0), |any, one| any | one))
}
