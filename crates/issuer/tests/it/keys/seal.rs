//! A sealed value opens only with the master key that sealed it, so that a dump of the database signs nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use signet_issuer::clock::FakeClock;
use signet_issuer::keys::master::MasterKeys;
use signet_issuer::keys::seal::{
    Purpose::{Request, SigningKey},
    seal, unseal,
};
use signet_issuer::keys::signer::Signer;
use signet_issuer::store::signing_keys;
use tempfile::TempDir;

use crate::support::{START, TestApp};

#[test]
fn a_sealed_value_opens_only_with_the_key_that_sealed_it() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let clock = FakeClock::new(START);
    let (one, other) = (MasterKeys::create(one.path(), &clock).unwrap(), MasterKeys::create(other.path(), &clock).unwrap());
    let sealed = seal(&one, SigningKey, b"secret").unwrap();
    assert_eq!(unseal(&one, SigningKey, &sealed).unwrap().as_slice(), b"secret");
    assert!(unseal(&other, SigningKey, &sealed).is_err());
    assert!(unseal(&one, Request, &sealed).is_err(), "a value that was sealed for something else");
    assert_ne!(sealed, seal(&one, SigningKey, b"secret").unwrap());
    let mut changed = sealed.clone().into_bytes();
    let middle = changed.len() - 30;
    changed[middle] ^= 1;
    assert!(unseal(&one, SigningKey, &String::from_utf8(changed).unwrap()).is_err());
    assert!(unseal(&one, SigningKey, "").is_err() && unseal(&one, SigningKey, "a.b.c.d.e").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_database_signs_nothing() {
    let app = TestApp::new().await;
    let rows = signing_keys::all(app.app.store.reader()).await.unwrap();
    let sealed = rows[0].sealed_private.as_deref().unwrap();
    let private = unseal(&app.app.master, SigningKey, sealed).unwrap();
    assert!(Signer::new(&rows[0].kid, &private).is_ok(), "with the master key it is the key that signs");
    // The stored text contains no part of the private key in clear, in any encoding that is used here.
    let stored: Vec<u8> = sealed.split('.').flat_map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let jwk: serde_json::Value = serde_json::from_str(&rows[0].public_jwk).unwrap();
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secret: Vec<_> = private.windows(16).filter(|part| !modulus.windows(16).any(|public| public == *part)).collect();
    assert!(secret.len() > 500 && secret.iter().all(|part| !stored.windows(16).any(|open| open == *part)));
    assert_eq!(jwk.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), ["kty", "kid", "use", "alg", "n", "e"]);
    assert!(unseal(&TestApp::new().await.app.master, SigningKey, sealed).is_err());
}
