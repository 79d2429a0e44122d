//! An assertion of `private_key_jwt` is accepted once, and only from the client whose key signed it for this issuer.

use josekit::jws::{self, JwsHeader, RS256};
use serde_json::{Value, json};

use crate::support::{Answer, START, TestApp, at_once};

/// A client's key pair, which josekit made, with its `kid`, which may be empty.
pub struct Key(pub josekit::jwk::alg::rsa::RsaKeyPair, pub &'static str);

impl Key {
    pub fn new(kid: &'static str) -> Self {
        Self(josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap(), kid)
    }

    pub fn jwks(&self) -> String {
        let mut jwk = self.0.to_jwk_public_key();
        if !self.1.is_empty() {
            jwk.set_key_id(self.1);
        }
        jwk.set_key_use("sig");
        jwk.set_algorithm("RS256");
        json!({ "keys": [serde_json::to_value(&jwk).unwrap()] }).to_string()
    }

    pub fn sign(&self, claims: &Value) -> String {
        let mut header = JwsHeader::new();
        if !self.1.is_empty() {
            header.set_key_id(self.1);
        }
        let signer = RS256.signer_from_der(self.0.to_der_private_key()).unwrap();
        jws::serialize_compact(claims.to_string().as_bytes(), &header, &signer).unwrap()
    }
}

pub fn claims(app: &TestApp, jti: &str) -> Value {
    json!({ "iss": "signer", "sub": "signer", "aud": app.app.settings.issuer.as_str(), "jti": jti, "iat": START, "exp": START + 60 })
}

pub async fn app(metadata: &str) -> TestApp {
    let app = TestApp::with(|settings| settings.fetch_private_addresses = true).await.with_orders().await;
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |client| {
        client.token_endpoint_auth_method = Some("private_key_jwt".into());
        client.metadata = serde_json::from_str(metadata).unwrap();
    })
    .await;
    app
}

pub async fn send(app: &TestApp, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [("grant_type", "client_credentials"), ("client_assertion_type", kind), ("client_assertion", assertion)];
    app.token(&[&form[..], more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_accepted_once_and_only_by_the_issuer_that_it_names() {
    let key = Key::new("one");
    let app = app(&format!("{{\"jwks\":{}}}", key.jwks())).await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let good = key.sign(&claims(&app, "1"));
    let answer = send(&app, &good, &[("client_id", "signer")]).await;
    assert_eq!(answer.claims()["sub"], "signer");
    assert_eq!(send(&app, &good, &[]).await.error(), (401, "invalid_client"), "the same again");
    let by_url = json!({ "aud": format!("{}/token", app.url) });
    let with = |jti: &str, more: &Value| {
        let mut claims = claims(&app, jti);
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    assert_eq!(send(&app, &key.sign(&with("2", &by_url)), &[]).await.status, 200);
    for (number, wrong) in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": [app.url, "https://other.example"] }),
        json!({ "aud": [app.url] }),
        json!({ "aud": null }),
        json!({ "iss": "web" }),
        json!({ "sub": "shop" }),
        json!({ "exp": START - 30 }),
        json!({ "exp": START + 3601 }),
        json!({ "exp": "soon" }),
        json!({ "exp": null }),
        json!({ "nbf": START + 31 }),
        json!({ "jti": "" }),
        json!({ "jti": null }),
    ]
    .iter()
    .enumerate()
    {
        let assertion = key.sign(&with(&format!("wrong {number}"), wrong));
        assert_eq!(send(&app, &assertion, &[]).await.error(), (401, "invalid_client"), "{wrong}");
    }
    let stranger = Key::new("one");
    assert_eq!(send(&app, &stranger.sign(&claims(&app, "3")), &[]).await.error(), (401, "invalid_client"), "another key of this name");
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoib25lIn0.{}.", good.split('.').nth(1).unwrap());
    for junk in [none.as_str(), "x", "a.b.c", "", &good[..good.len() - 2]] {
        assert!(matches!(send(&app, junk, &[]).await.status, 400 | 401), "{junk}");
    }
    assert_eq!(send(&app, &key.sign(&claims(&app, "4")), &[("client_id", "shop")]).await.error(), (401, "invalid_client"));
    assert_eq!(send(&app, &key.sign(&claims(&app, "5")), &[("client_secret", "x")]).await.error(), (400, "invalid_request"));
    // Dates may have fractions.
    assert_eq!(send(&app, &key.sign(&with("7", &json!({ "exp": 1_767_225_660.5, "nbf": 1_767_225_600.25 }))), &[]).await.status, 200);
    // Text that PostgreSQL cannot store never reaches it, and does not make the requests of others fail.
    let nul = key.sign(&json!({ "sub": "\u{0}" }));
    let many = (0..40).map(|number| {
        let (app, nul) = (&app, nul.as_str());
        async move { if number % 2 == 0 { send(app, nul, &[]).await.status } else { app.client_token("worker", "").await.status } }
    });
    let answers = at_once(many.collect()).await;
    assert!(answers.iter().enumerate().all(|(number, status)| *status == if number % 2 == 0 { 401 } else { 200 }), "{answers:?}");
    // If two nodes get the assertion at once, one of them accepts it.
    let other = app.another_node().await;
    let fresh = key.sign(&claims(&app, "6"));
    let (a, b) = tokio::join!(send(&app, &fresh, &[]), send(&other, &fresh, &[]));
    assert_eq!([a.status, b.status].iter().filter(|status| **status == 200).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_must_name_its_key_if_the_client_has_several() {
    let (unnamed, named) = (Key::new(""), Key::new("named"));
    let app = self::app(&format!("{{\"jwks\":{}}}", unnamed.jwks())).await;
    assert_eq!(send(&app, &unnamed.sign(&claims(&app, "1")), &[]).await.status, 200);
    assert_eq!(send(&app, &Key::new("").sign(&claims(&app, "2")), &[]).await.error(), (401, "invalid_client"));
    assert_eq!(send(&app, &named.sign(&claims(&app, "3")), &[]).await.error(), (401, "invalid_client"));
    let anonymous = Key(named.0.clone(), "");
    let app = self::app(&format!("{{\"jwks\":{}}}", named.jwks())).await;
    assert_eq!(
        send(&app, &anonymous.sign(&claims(&app, "4")), &[]).await.status,
        200,
        "a key that has a name, and a token that does not say it"
    );
    // A client with two keys must name the one that signed.
    let mut two: Value = serde_json::from_str(&named.jwks()).unwrap();
    let other: Value = serde_json::from_str(&Key::new("other").jwks()).unwrap();
    two["keys"].as_array_mut().unwrap().push(other["keys"][0].clone());
    let app = self::app(&format!("{{\"jwks\":{two}}}")).await;
    assert_eq!(send(&app, &anonymous.sign(&claims(&app, "5")), &[]).await.error(), (401, "invalid_client"));
    assert_eq!(send(&app, &named.sign(&claims(&app, "6")), &[]).await.status, 200);
}
