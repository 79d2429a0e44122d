//! Client authentication by a signed assertion: `private_key_jwt` (OpenID Connect Core §9, RFC 7523 §3). The audience must be one
//! string, as draft-ietf-oauth-rfc7523bis requires.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer};
use signet_verifier::SignedToken;

use crate::app::App;
use crate::audit::RequestInfo;
use crate::clients::{failed, known, uses};
use crate::clock::UnixSeconds;
use crate::config::VERIFIER_LEEWAY;
use crate::fetch::FetchError;
use crate::fetch::budget::Asker;
use crate::fetch::client_keys::only_key;
use crate::oauth::client_auth::PRIVATE_KEY_JWT;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::secret;
use crate::store::client_assertions;
use crate::store::clients::Client;

/// The longest lifetime of an assertion, in seconds. It bounds how long its `jti` must be stored.
const MAX_LIFETIME: UnixSeconds = 3600;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    // One string, because one of several audiences could replay the assertion at another.
    aud: String,
    jti: String,
    #[serde(deserialize_with = "numeric_date")]
    exp: UnixSeconds,
    #[serde(default, deserialize_with = "numeric_date")]
    nbf: UnixSeconds,
}

/// Returns the client that signed `assertion`. `id` is the `client_id` parameter, if it was sent.
pub(super) async fn authenticate(app: &App, id: Option<&str>, assertion: &str, request: &RequestInfo) -> Result<Client, OAuthError> {
    // These values serve only to find the client and its key. They are trusted once the signature is checked.
    let (kid, claimed) = untrusted(assertion).ok_or_else(|| failed("the client assertion is no signed JWT with a sub"))?;
    if id.is_some_and(|id| id != claimed) {
        return Err(failed("the client assertion names another client than client_id"));
    }
    let client = known(app, &claimed).await.map_err(|error| error.of_client(Some(&claimed)))?;
    let refuse = |reason| failed(reason).of_client(Some(&client.id));
    if client.public || !uses(&client, PRIVATE_KEY_JWT) {
        return Err(refuse("the client is registered for another authentication method than private_key_jwt"));
    }

    let metadata = client.metadata()?;
    let asker = Asker::Stranger { address: request.address, token: &client.id };
    let keys = app.client_keys.of(&metadata, kid.as_deref(), (&app.fetcher, &app.pool), asker).await.map_err(|error| {
        tracing::info!(client = client.id, %error, "the keys of a client could not be fetched");
        match *error {
            FetchError::TooMany(seconds) => OAuthError::new(Code::TooManyAttempts(seconds), error.to_string()),
            _ => refuse("the keys of the client could not be fetched from its jwks_uri"),
        }
    })?;
    let bad_signature = || refuse("the client assertion is not signed by a key of the client");
    let signed = SignedToken::parse_for(assertion, only_key(&keys)).map_err(|_| bad_signature())?;
    let claims = signed.check_signature(&keys).map_err(|_| bad_signature())?;
    let claims: Claims = serde_json::from_slice(claims).map_err(|_| refuse("the claims of the client assertion are incomplete"))?;
    check(app, &client, &claims).map_err(refuse)?;
    let used = secret::key(&format!("{} {}", client.id, claims.jti));
    if !client_assertions::spend(app.store.writer(), &used, claims.exp + VERIFIER_LEEWAY + 1).await? {
        return Err(refuse("the client assertion was used before"));
    }
    Ok(client)
}

/// Returns what is wrong with the claims of an assertion that `client` signed.
fn check(app: &App, client: &Client, claims: &Claims) -> Result<(), &'static str> {
    let (now, issuer) = (app.now(), &app.settings.issuer);
    if claims.iss != client.id || claims.sub != client.id {
        return Err("iss and sub of the client assertion are not both the client id");
    }
    if claims.aud != issuer.as_str() && claims.aud != issuer.endpoint("/token") {
        return Err("aud of the client assertion is neither the issuer nor its token endpoint");
    }
    if claims.exp <= now - VERIFIER_LEEWAY || claims.exp > now + MAX_LIFETIME || claims.nbf > now + VERIFIER_LEEWAY {
        return Err("the client assertion has expired, is not valid yet, or lives longer than an hour");
    }
    if claims.jti.is_empty() { Err("jti of the client assertion is empty") } else { Ok(()) }
}

/// Reads the `kid` and the `sub` of an assertion whose signature is not checked yet.
fn untrusted(assertion: &str) -> Option<(Option<String>, String)> {
    #[derive(Deserialize)]
    struct Header {
        kid: Option<String>,
    }
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let mut parts = assertion.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    let (header, payload) = (parts.next()??, parts.next()??);
    let header = serde_json::from_slice::<Header>(&header).ok()?;
    Some((header.kid, serde_json::from_slice::<Subject>(&payload).ok()?.sub))
}

/// Reads a date in seconds, with a fraction or without (RFC 7519 §2).
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixSeconds, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    // The bound is far beyond any valid date, and `f64` is exact up to it.
    if (0.0..1e12).contains(&seconds) {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        return Ok(seconds as UnixSeconds);
    }
    Err(serde::de::Error::custom("not a date"))
}
