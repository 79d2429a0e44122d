//! Tests of the rules: which tokens, keys and settings the verifier accepts and refuses.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use signet_testkit::{AUDIENCE, TestIssuer, TokenBuilder};
use signet_verifier::{BuildError, Claims, Error, KeySet, Refusal, Verifier, scopes};

scopes! { pub OrdersRead = "orders:read"; pub OrdersWrite = "orders:write"; }

async fn verify(token: TokenBuilder<'_>, issuer: &TestIssuer) -> Result<Arc<Claims>, Error> {
    issuer.verifier().verify(&token.mint()).await
}

#[tokio::test]
async fn a_good_token_gives_its_claims() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("alice").client("shop").scope::<OrdersRead>().scope::<OrdersWrite>().claim("amr", json!(["pwd"]));
    let claims = verify(token, &issuer).await.unwrap();
    assert_eq!((claims.subject.as_str(), claims.client_id.as_str()), ("alice", "shop"));
    assert_eq!(claims.audience, [AUDIENCE]);
    assert_eq!(claims.amr, ["pwd"]);
    assert!(claims.has_scope("orders:read") && claims.has_scope("orders:write") && !claims.has_scope("orders"));
}

#[tokio::test]
async fn every_fault_is_refused() {
    let issuer = TestIssuer::new();
    let token = || issuer.token();
    for (fault, token, refusal) in [
        ("wrong audience", token().audience("https://other.test"), Refusal::Audience),
        ("no audience", token().without_claim("aud"), Refusal::Audience),
        ("empty audience", token().audience(json!([])), Refusal::Audience),
        ("audience as a prefix", token().audience(format!("{AUDIENCE}/")), Refusal::Audience),
        ("expired", token().expired(), Refusal::Expired),
        ("no expiry", token().without_claim("exp"), Refusal::MissingClaim("exp")),
        ("no date of issue", token().without_claim("iat"), Refusal::MissingClaim("iat")),
        ("no token id", token().without_claim("jti"), Refusal::MissingClaim("jti")),
        ("no subject", token().without_claim("sub"), Refusal::MissingClaim("sub")),
        ("empty subject", token().subject(""), Refusal::MissingClaim("sub")),
        ("no client", token().without_claim("client_id"), Refusal::MissingClaim("client_id")),
        ("foreign issuer", token().foreign_issuer(), Refusal::Issuer),
        ("no issuer", token().without_claim("iss"), Refusal::MissingClaim("iss")),
        ("ID token", token().id_token(), Refusal::Type),
        ("logout token", token().header("typ", "logout+jwt"), Refusal::Type),
        ("tampered", token().tampered(), Refusal::Signature),
        ("unsigned", token().unsigned(), Refusal::Algorithm),
        ("None", token().header("alg", "None"), Refusal::Algorithm),
        ("HS256 with the public key", token().signed_with_public_key(), Refusal::Algorithm),
        ("RS384", token().header("alg", "RS384"), Refusal::Algorithm),
        ("crit", token().header("crit", json!(["exp"])), Refusal::Critical),
        ("empty crit", token().header("crit", json!([])), Refusal::Critical),
        ("bound to a key", token().claim("cnf", json!({ "jkt": "x" })), Refusal::ProofOfPossession),
        ("unknown kid", token().header("kid", "../../etc/passwd"), Refusal::UnknownKey),
        ("too long", token().claim("pad", "x".repeat(9000)), Refusal::TooLong),
        ("too many members", (0..70).fold(token(), |token, n| token.claim(&format!("c{n}"), n)), Refusal::Malformed),
    ] {
        assert_eq!(verify(token, &issuer).await.unwrap_err(), Error::Refused(refusal), "{fault}");
    }
}

#[tokio::test]
async fn keys_that_the_header_brings_are_not_looked_at() {
    let (issuer, attacker) = (TestIssuer::new(), TestIssuer::new());
    let token = attacker
        .token()
        .claim("iss", issuer.issuer())
        .header("jku", format!("{}/.well-known/jwks.json", attacker.issuer()))
        .header("jwk", json!({ "kty": "RSA", "e": "AQAB", "n": "x" }))
        .header("x5u", attacker.issuer());
    assert_eq!(verify(token, &issuer).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
    assert_eq!(attacker.fetches(), 0);
}

#[tokio::test]
async fn typ_may_be_written_in_full() {
    let issuer = TestIssuer::new();
    assert!(verify(issuer.token().header("typ", "application/AT+JWT"), &issuer).await.is_ok());
}

#[tokio::test]
async fn the_plain_type_is_accepted_only_where_that_was_asked_for() {
    let issuer = TestIssuer::new();
    let plain = issuer.verifier_builder().audience(AUDIENCE).accept_typ_jwt().build().unwrap();
    let token = || issuer.token().plain_type().claim("scope", "orders:read");
    assert_eq!(verify(token(), &issuer).await.unwrap_err(), Error::Refused(Refusal::Type));
    assert!(plain.verify(&token().mint()).await.is_ok());
    assert!(plain.verify(&token().header("typ", "application/jwt").mint()).await.is_ok());
    assert!(plain.verify(&issuer.token().mint()).await.is_ok(), "at+jwt is still accepted, with or without a scope");
    assert!(plain.verify(&token().claim("scope", "").mint()).await.is_ok(), "no scope was granted");
    for (fault, token, refusal) in [
        ("no scope", issuer.token().plain_type(), Refusal::MissingClaim("scope")),
        ("no client", token().without_claim("client_id"), Refusal::MissingClaim("client_id")),
        ("empty client", token().client(""), Refusal::MissingClaim("client_id")),
        ("no token id", token().without_claim("jti"), Refusal::MissingClaim("jti")),
        ("nonce", token().claim("nonce", "x"), Refusal::OtherToken("nonce")),
        ("a nonce that is null", token().claim("nonce", json!(null)), Refusal::OtherToken("nonce")),
        ("at_hash", token().claim("at_hash", "x"), Refusal::OtherToken("at_hash")),
        ("c_hash", token().claim("c_hash", "x"), Refusal::OtherToken("c_hash")),
        ("events", token().claim("events", json!({})), Refusal::OtherToken("events")),
        ("ID token", issuer.token().id_token(), Refusal::OtherToken("at_hash")),
        ("logout token", token().header("typ", "logout+jwt"), Refusal::Type),
        ("wrong audience", token().audience("https://other.test"), Refusal::Audience),
        ("expired", token().expired(), Refusal::Expired),
        ("tampered", token().tampered(), Refusal::Signature),
    ] {
        assert_eq!(plain.verify(&token.mint()).await.unwrap_err(), Error::Refused(refusal), "{fault}");
    }
    // These claims are no fault of a token that says by its type that it is an access token.
    assert!(verify(issuer.token().claim("nonce", "x"), &issuer).await.is_ok());
}

#[tokio::test]
async fn leeway_is_thirty_seconds() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let token = issuer.token().mint();
    issuer.advance(std::time::Duration::from_secs(600 + 29));
    assert!(verifier.verify(&token).await.is_ok());
    issuer.advance(std::time::Duration::from_secs(1));
    assert_eq!(verifier.verify(&token).await.unwrap_err(), Error::Refused(Refusal::Expired));
}

#[tokio::test]
async fn a_service_reads_claims_of_its_own() {
    #[derive(Debug, Deserialize)]
    struct Tenant {
        tenant: String,
    }
    let issuer = TestIssuer::new();
    let verifier: Verifier<Tenant> = issuer.verifier_builder().audience(AUDIENCE).build_with_claims().unwrap();
    let claims = verifier.verify(&issuer.token().claim("tenant", "acme").mint()).await.unwrap();
    assert_eq!(claims.extra.tenant, "acme");
    assert_eq!(verifier.verify(&issuer.token().mint()).await.unwrap_err(), Error::Refused(Refusal::Malformed));
}

#[test]
fn a_verifier_that_would_accept_too_much_is_not_built() {
    let build = |issuer: &str, audience: &str| Verifier::issuer(issuer).audience(audience).build();
    assert!(build("https://id.example", "https://orders.example").is_ok());
    assert!(build("http://127.0.0.1:8080/path", "x").is_ok());
    for issuer in [
        "",
        "id.example",
        "http://id.example",
        "https://id.example/",
        "https://id.example?x",
        "ftp://id.example",
        "http://localhost.evil.example",
    ] {
        assert!(matches!(build(issuer, "x"), Err(BuildError::Issuer(_))), "{issuer}");
    }
    assert!(matches!(build("https://id.example", ""), Err(BuildError::Audience)));
    assert!(matches!(Verifier::issuer("https://id.example").build(), Err(BuildError::Audience)));
    let jwks = Verifier::issuer("https://id.example").audience("x").jwks_uri("http://id.example/jwks").build();
    assert!(matches!(jwks, Err(BuildError::JwksUri(_))));
}

#[test]
fn odd_keys_never_spoil_the_set() {
    let good = |kid: &str, bits: usize| {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        json!({ "kty": "RSA", "kid": kid, "n": BASE64_URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8]), "e": "AQAB" })
    };
    let with = |mut key: serde_json::Value, name: &str, value: serde_json::Value| {
        key[name] = value;
        key
    };
    let keys = [
        good("good", 2048),
        good("short", 1024),
        with(good("even exponent", 2048), "e", json!("Ag")),
        with(good("exponent one", 2048), "e", json!("AQ")),
        with(good("encryption", 2048), "use", json!("enc")),
        with(good("encryption by key_ops", 2048), "key_ops", json!(["encrypt"])),
        with(good("other algorithm", 2048), "alg", json!("PS256")),
        with(good("elliptic", 2048), "kty", json!("EC")),
        with(good("number for text", 2048), "kid", json!(7)),
        with(good("bad base64", 2048), "n", json!("=== ")),
        json!({ "kty": "RSA" }),
        json!("no object"),
        json!(null),
    ];
    let set = KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    assert_eq!(set.key_ids().collect::<Vec<_>>(), ["good"]);
    assert!(KeySet::from_jwks(json!({ "keys": vec![json!({}); 65] }).to_string().as_bytes()).is_err());
    assert!(KeySet::from_jwks(b"[]").is_err());
}
