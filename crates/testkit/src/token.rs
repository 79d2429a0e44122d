//! Builds tokens for tests: valid ones, and ones with a chosen fault.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use signet_verifier::{Clock, Scope};

use crate::{AUDIENCE, GRANT, TestIssuer};

/// The lifetime of a token, in seconds.
const LIFETIME: u64 = 600;

/// A token under construction. [`TokenBuilder::mint`] signs it.
#[derive(Debug)]
#[must_use]
pub struct TokenBuilder<'i> {
    issuer: &'i TestIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    scopes: Vec<String>,
    forgery: Option<Forgery>,
}

#[derive(Debug, Clone, Copy)]
enum Forgery {
    Tampered,
    Unsigned,
    PublicKeyAsSecret,
}

impl<'i> TokenBuilder<'i> {
    pub(crate) fn new(issuer: &'i TestIssuer) -> Self {
        let now = issuer.clock().unix_seconds();
        let object = |value: Value| if let Value::Object(map) = value { map } else { Map::new() };
        Self {
            issuer,
            header: object(json!({ "alg": "RS256", "typ": "at+jwt" })),
            claims: object(json!({
                "iss": issuer.issuer(), "sub": "test-subject", "aud": AUDIENCE, "exp": now + LIFETIME, "iat": now,
                "jti": "test-token", "client_id": "test-client", "grant_id": GRANT,
            })),
            scopes: Vec::new(),
            forgery: None,
        }
    }

    /// Sets the claim `sub`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// Adds the scope `S`. Scopes that are added in this way replace a claim `scope` that was set with [`TokenBuilder::claim`].
    pub fn scope<S: Scope>(mut self) -> Self {
        self.scopes.push(S::NAME.to_owned());
        self
    }

    /// Sets the claim `client_id`.
    pub fn client(self, client_id: &str) -> Self {
        self.claim("client_id", client_id)
    }

    /// Sets the claim `aud`. The verifier refuses the token if its own audience is not in it.
    pub fn audience(self, audience: impl Into<Value>) -> Self {
        self.claim("aud", audience)
    }

    /// Sets the claim `name`, or replaces it if the token already has it.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes the claim `name`.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets the header member `name`, or replaces it if the header already has it.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Makes the token invalid: it expired an hour ago.
    pub fn expired(self) -> Self {
        let now = self.issuer.clock().unix_seconds();
        self.claim("iat", now - 2 * 3600).claim("exp", now - 3600)
    }

    /// Makes the token invalid: `iss` names another issuer.
    pub fn foreign_issuer(self) -> Self {
        self.claim("iss", "https://elsewhere.test")
    }

    /// Makes the token invalid: it is an ID token, which says who the user is and gives no access.
    pub fn id_token(self) -> Self {
        self.header("typ", "JWT").without_claim("client_id").claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")
    }

    /// Gives the token the `typ` of resources whose libraries refuse `at+jwt`. It is valid for verifiers that accept it
    /// (`VerifierBuilder::accept_typ_jwt`), if it has a scope.
    pub fn plain_type(self) -> Self {
        self.header("typ", "JWT")
    }

    /// Makes the token invalid: the payload is changed after it was signed.
    pub fn tampered(mut self) -> Self {
        self.forgery = Some(Forgery::Tampered);
        self
    }

    /// Makes the token invalid: its `alg` is `none`, and it has no signature.
    pub fn unsigned(mut self) -> Self {
        self.forgery = Some(Forgery::Unsigned);
        self.header("alg", "none")
    }

    /// Makes the token invalid: it is signed with HS256, and the secret is the public key.
    pub fn signed_with_public_key(mut self) -> Self {
        self.forgery = Some(Forgery::PublicKeyAsSecret);
        self.header("alg", "HS256")
    }

    /// Signs the token and returns it in compact form.
    ///
    /// # Panics
    /// If the machine gives no randomness.
    #[expect(clippy::expect_used, reason = "a test that fails panics")]
    pub fn mint(mut self) -> String {
        if !self.scopes.is_empty() {
            self.claims.insert("scope".to_owned(), self.scopes.join(" ").into());
        }
        let part = |map: Map<String, Value>| BASE64_URL_SAFE_NO_PAD.encode(Value::Object(map).to_string());
        let keys = self.issuer.server.keys();
        // Name the key that signs now: the test may have rotated the key since it started to build the token.
        self.header.entry("kid").or_insert_with(|| keys.signing_jwk().kid.into());
        let payload = part(self.claims.clone());
        let message = format!("{}.{payload}", part(self.header));
        let signature = match self.forgery {
            None | Some(Forgery::Tampered) => {
                let mut signature = vec![0; keys.signing.public_modulus_len()];
                keys.signing.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("the key can sign");
                signature
            }
            Some(Forgery::Unsigned) => Vec::new(),
            Some(Forgery::PublicKeyAsSecret) => {
                let public = serde_json::to_vec(&keys.signing_jwk()).expect("a JWK is JSON");
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message.as_bytes()).as_ref().to_vec()
            }
        };
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        if matches!(self.forgery, Some(Forgery::Tampered)) {
            self.claims.insert("sub".to_owned(), "someone-else".into());
            let header = message.split('.').next().unwrap_or_default();
            return format!("{header}.{}.{signature}", part(self.claims));
        }
        format!("{message}.{signature}")
    }
}
