//! Signs tokens with RS256 (RFC 7518 §3.3) by josekit. A signer is built once per key, because building one costs ten times as much
//! as a verification.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::JoseError;
use josekit::jws::alg::rsassa::RsassaJwsSigner;
use josekit::jws::{JwsSigner, RS256};
use serde::Serialize;
use serde_json::json;

/// Signs tokens with one key.
pub struct Signer {
    /// The key id, which the header of each token names.
    pub kid: String,
    signer: RsassaJwsSigner,
    access_token_header: String,
    jwt_header: String,
    security_event_header: String,
    logout_token_header: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The kind of a token, which its header names in `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An access token: `at+jwt` (RFC 9068 §2.1).
    Access,
    /// An ID token, an answer of UserInfo, or an access token for a resource that wants this type: `JWT`.
    Jwt,
    /// A Security Event Token: `secevent+jwt` (RFC 8417 §2.3).
    SecurityEvent,
    /// A logout token: `logout+jwt` (OpenID Connect Back-Channel Logout 1.0 §2.4).
    Logout,
}

/// The reason why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error(transparent)]
    Claims(#[from] serde_json::Error),
    /// The signature could not be made.
    #[error(transparent)]
    Jose(#[from] JoseError),
}

impl Signer {
    /// Builds a signer from a private key in PKCS #8 DER form.
    pub fn new(kid: &str, private: &[u8]) -> Result<Self, JoseError> {
        let header = |typ: &str| BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "kid": kid, "typ": typ }).to_string());
        Ok(Self {
            kid: kid.to_owned(),
            signer: RS256.signer_from_der(private)?,
            access_token_header: header("at+jwt"),
            jwt_header: header("JWT"),
            security_event_header: header("secevent+jwt"),
            logout_token_header: header("logout+jwt"),
        })
    }

    fn header(&self, typ: TokenType) -> &str {
        match typ {
            TokenType::Access => &self.access_token_header,
            TokenType::Jwt => &self.jwt_header,
            TokenType::SecurityEvent => &self.security_event_header,
            TokenType::Logout => &self.logout_token_header,
        }
    }

    /// Returns the length of what [`Signer::sign`] would return, in bytes. The claims are not signed.
    pub fn length(&self, typ: TokenType, claims: &impl Serialize) -> Result<usize, SignError> {
        // The library states the same length for every size of key, so one signature, of nothing, tells it.
        let parts = [serde_json::to_vec(claims)?.len(), self.signer.sign(b"")?.len()];
        let encoded: usize = parts.iter().map(|bytes| 1 + (bytes * 4).div_ceil(3)).sum();
        Ok(self.header(typ).len() + encoded)
    }

    /// Returns `claims` as a signed compact JWS (RFC 7515 §7.1).
    pub fn sign(&self, typ: TokenType, claims: &impl Serialize) -> Result<String, SignError> {
        let mut token = String::with_capacity(1024);
        token.push_str(self.header(typ));
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
