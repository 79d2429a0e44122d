//! Client authentication (RFC 6749 §2.3) against the database.

use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use crate::app::App;
use crate::audit::RequestInfo;
use crate::clients::assertion;
use crate::clients::{failed, known, uses};
use crate::clock::UnixSeconds;
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
        ClientAuthError::Malformed(_) => OAuthError::new(Code::InvalidClient, error.to_string()),
        ClientAuthError::SeveralMethods | ClientAuthError::MissingId | ClientAuthError::AssertionType(_) => {
            OAuthError::invalid_request(error.to_string())
        }
    })?;
    let (client, secret) = match credentials {
        ClientCredentials::Secret(id, secret, method) => {
            let client = known(app, &id).await?;
            let Some(hash) = matching(&client, &secret, app.now()) else {
                return Err(failed(if client.public {
                    "the client is public and has no secret"
                } else {
                    "the client secret is wrong or has ended"
                }));
            };
            if !uses(&client, method) {
                return Err(failed("the client is registered for another authentication method"));
            }
            (client, Some(hash))
        }
        ClientCredentials::Id(id) => (public(known(app, &id).await?)?, None),
        ClientCredentials::Assertion(id, assertion) => {
            (assertion::authenticate(app, id.as_deref(), assertion.expose_secret(), request).await?, None)
        }
        ClientCredentials::Absent => {
            let default = app.settings.default_client.as_deref();
            let id = default
                .ok_or_else(|| OAuthError::new(Code::InvalidClient, "client_id: expected a client that authenticates; found none"))?;
            (public(known(app, id).await.map_err(|error| error.of_client(Some(id)))?)?, None)
        }
    };
    app.store.note_use(&client.id, secret, app.now());
    Ok(client)
}

/// Returns `client` if it need not authenticate.
fn public(client: Client) -> Result<Client, OAuthError> {
    if client.public { Ok(client) } else { Err(failed("the client is confidential, but the request carries no secret and no assertion")) }
}

/// Returns the hash of `secret` if it is a valid secret of `client`.
fn matching(client: &Client, secret: &SecretString, now: UnixSeconds) -> Option<String> {
    let hash = secret::key(secret.expose_secret());
    let valid = client.secrets.iter().filter(|good| good.is_valid(now));
    let matches = valid.map(|good| good.hash.as_bytes().ct_eq(hash.as_bytes()));
    // A public client has no secret, so a request of it that carries one is refused.
    let matches = !client.public && bool::from(matches.fold(Choice::from(0), |any, one| any | one));
    matches.then_some(hash)
}
