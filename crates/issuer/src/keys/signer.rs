//! RS256 (RFC 7518 §3.3) by josekit. A signer is built once per key: building costs ten times a verification.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::JoseError;
use josekit::jws::alg::rsassa::RsassaJwsSigner;
use josekit::jws::{JwsSigner, RS256};
use serde::Serialize;
use serde_json::json;

/// Signs with one key.
pub struct Signer {
    /// Its key id.
    pub kid: String,
    signer: RsassaJwsSigner,
    access_token_header: String,
    jwt_header: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Which kind of token, told by `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `at+jwt` (RFC 9068 §2.1).
    Access,
    /// `JWT`: an ID token, or an answer of UserInfo.
    Jwt,
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims are no JSON.
    #[error(transparent)]
    Claims(#[from] serde_json::Error),
    /// The signature failed.
    #[error(transparent)]
    Jose(#[from] JoseError),
}

impl Signer {
    /// A signer from a private key in PKCS #8 DER form.
    pub fn new(kid: &str, private: &[u8]) -> Result<Self, JoseError> {
        let header = |typ: &str| BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "kid": kid, "typ": typ }).to_string());
        Ok(Self {
            kid: kid.to_owned(),
            signer: RS256.signer_from_der(private)?,
            access_token_header: header("at+jwt"),
            jwt_header: header("JWT"),
        })
    }

    /// Signs `claims` as a compact JWS.
    pub fn sign(&self, typ: TokenType, claims: &impl Serialize) -> Result<String, SignError> {
        let mut token = String::with_capacity(1024);
        token.push_str(match typ {
            TokenType::Access => &self.access_token_header,
            TokenType::Jwt => &self.jwt_header,
        });
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
        let signature = self.signer.sign(token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}
