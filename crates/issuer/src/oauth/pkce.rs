//! Proof Key for Code Exchange (RFC 7636). Only S256 is supported, because with `plain` whoever sees the authorization request
//! knows the verifier.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::oauth::plain_text::as_found;
use crate::oauth::scope::words;

/// The only value of `code_challenge_methods_supported` in the discovery document.
pub const METHOD: &str = "S256";

/// Whether the authorization requests of a client must carry a PKCE challenge. A challenge that is sent is checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    /// Every request must carry one. This holds for every public client.
    Required,
    /// A request must carry one, or ask for an ID token by the scope `openid` and carry a `nonce`, which the client compares
    /// (RFC 9700 §2.1.1).
    Nonce,
    /// No request must carry one.
    Optional,
}

impl Pkce {
    /// All values, in the order of their strength.
    pub const ALL: [Self; 3] = [Self::Required, Self::Nonce, Self::Optional];

    /// Returns the value as settings and the command line spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Nonce => "nonce",
            Self::Optional => "optional",
        }
    }

    /// Returns the value that is spelt `name`; `None` if there is no such value.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pkce| pkce.as_str() == name)
    }

    /// Returns the challenge of the authorization request `form`. Without the scope `openid`, for which `may_ask_openid` says that the client is
    /// registered, it would get no ID token, so that a nonce would protect nothing. The error says how the client, or its administrator, can
    /// mend the request.
    pub fn challenge(self, form: &Form, may_ask_openid: bool) -> Result<Option<String>, OAuthError> {
        match (form.get("code_challenge"), form.get("code_challenge_method")) {
            (None, None) => self.check_without_challenge(form.get("scope"), form.get("nonce"), may_ask_openid).map(|()| None),
            (Some(challenge), Some(METHOD)) if is_challenge(challenge) => Ok(Some(challenge.to_owned())),
            (Some(challenge), Some(METHOD)) => Err(OAuthError::invalid_request(format!(
                "code_challenge: expected a SHA-256 hash in base64url without padding, of 43 characters; found {}",
                as_found(challenge)
            ))),
            (challenge, method) => {
                let found = match (challenge, method) {
                    (None, _) => "no code_challenge".to_owned(),
                    (_, None) => "no code_challenge_method".to_owned(),
                    (_, Some(method)) => as_found(method),
                };
                let text = format!("code_challenge_method: expected S256, together with a code_challenge; found {found}");
                Err(OAuthError::invalid_request(text))
            }
        }
    }

    /// Fails unless a request with this `scope` and `nonce` needs no challenge. `may_ask_openid` is that of [`Pkce::challenge`].
    pub fn check_without_challenge(self, scope: Option<&str>, nonce: Option<&str>, may_ask_openid: bool) -> Result<(), OAuthError> {
        let asks_for_id_token = scope.is_some_and(|scope| words(scope).any(|name| name == "openid"));
        let refused = match self {
            Self::Optional => return Ok(()),
            Self::Nonce if may_ask_openid && asks_for_id_token && nonce.is_some() => return Ok(()),
            Self::Nonce if !may_ask_openid => {
                "code_challenge is missing: switch PKCE with S256 on in the client; an administrator can also register the client for the scope \
                 openid, so that it may send a nonce instead, or set pkce of the client to optional"
            }
            Self::Nonce => {
                "code_challenge is missing: switch PKCE with S256 on in the client, or let it send the scope openid and a nonce; an \
                 administrator can also set pkce of the client to optional"
            }
            Self::Required => {
                "code_challenge is missing: switch PKCE with S256 on in the client; if it is confidential, an administrator can also set \
                 pkce of the client to nonce"
            }
        };
        Err(OAuthError::invalid_request(refused))
    }
}

/// Returns whether `challenge` has the form of a SHA-256 hash in base64url.
pub fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32)
}

/// Returns whether `verifier` is well formed (§4.1) and hashes to `challenge` (§4.6).
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let well_formed =
        (43..=128).contains(&verifier.len()) && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let made = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    well_formed && bool::from(made.as_bytes().ct_eq(challenge.as_bytes()))
}
