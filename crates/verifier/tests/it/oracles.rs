//! Compares the verifier with other implementations: it accepts what josekit signs, refuses it after any change, and accepts
//! exactly the signatures that josekit and the `rsa` crate accept.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use josekit::jws::alg::rsassa::{RsassaJwsSigner, RsassaJwsVerifier};
use josekit::jws::{JwsHeader, JwsVerifier, RS256};
use proptest::prelude::*;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, PublicKey};
use serde_json::{Map, Value, json};
use signet_verifier::{Claims, Jwk, KeySet, NoExtra, Refusal, Rules, SignedToken};

const NOW: u64 = 1_767_225_600;

/// A key that the `rsa` crate has made. josekit signs with it, and josekit and `rsa` check the signatures.
struct Oracle {
    signer: RsassaJwsSigner,
    josekit: RsassaJwsVerifier,
    rsa: PublicKey,
    jwk: Jwk,
}

static ORACLE: LazyLock<Oracle> = LazyLock::new(|| {
    let private = rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(SystemRng), 2048).unwrap();
    let public = private.to_public_key();
    Oracle {
        josekit: RS256.verifier_from_der(public.to_public_key_der().unwrap().as_bytes()).unwrap(),
        rsa: public,
        signer: RS256.signer_from_der(private.to_pkcs8_der().unwrap().as_bytes()).unwrap(),
        jwk: Jwk::rs256(&private.n_bytes(), &private.e_bytes()),
    }
});

/// The random number generator of aws-lc-rs, in the form that the `rsa` crate needs.
struct SystemRng;

impl rsa::rand_core::TryRng for SystemRng {
    type Error = aws_lc_rs::error::Unspecified;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        use aws_lc_rs::rand::{SecureRandom, SystemRandom};
        SystemRandom::new().fill(bytes)
    }
}

impl rsa::rand_core::TryCryptoRng for SystemRng {}

/// The bytes before the hash in a signature with SHA-256 (RFC 8017 §9.2, note 1).
const SHA256_PREFIX: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];

impl Oracle {
    /// Returns whether josekit and `rsa`, in this order, accept the signature.
    fn verdicts(&self, message: &[u8], signature: &[u8]) -> [bool; 2] {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message);
        let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_PREFIX.into() };
        [self.josekit.verify(message, signature).is_ok(), self.rsa.verify(scheme, hash.as_ref(), signature).is_ok()]
    }
}

fn sign(payload: &[u8]) -> String {
    let mut header = JwsHeader::new();
    header.set_token_type("at+jwt");
    header.set_key_id(ORACLE.jwk.kid.as_deref().unwrap());
    josekit::jws::serialize_compact(payload, &header, &ORACLE.signer).unwrap()
}

fn keys() -> KeySet {
    KeySet::from_iter([ORACLE.jwk.clone()])
}

fn rules() -> Rules {
    Rules::new("https://id.example", vec!["https://orders.example".to_owned()], 30)
}

fn claims() -> Map<String, Value> {
    let Value::Object(claims) = json!({
        "iss": "https://id.example", "sub": "alice", "aud": "https://orders.example", "exp": NOW + 600, "iat": NOW,
        "jti": "1", "client_id": "shop", "scope": "orders:read",
    }) else {
        unreachable!()
    };
    claims
}

fn check(token: &str) -> Result<Claims<NoExtra>, Refusal> {
    rules().check(&SignedToken::parse(token)?, &keys(), NOW)
}

#[test]
fn what_josekit_signs_with_a_key_of_rsa_is_accepted() {
    let token = sign(Value::Object(claims()).to_string().as_bytes());
    assert_eq!(check(&token).unwrap().subject, "alice");
}

#[test]
fn a_duplicate_member_is_refused_where_other_parsers_take_the_last() {
    let twice = r#"{"sub":"mallory","iss":"https://id.example","sub":"alice","aud":"https://orders.example","exp":1767226200,"iat":1767225600,"jti":"1","client_id":"shop"}"#;
    assert_eq!(check(&sign(twice.as_bytes())), Err(Refusal::Malformed));
    let escaped = twice.replacen("\"sub\"", "\"s\\u0075b\"", 1);
    assert_eq!(check(&sign(escaped.as_bytes())), Err(Refusal::Malformed));
}

/// The bits of the last character that belong to no byte must be zero. Otherwise one token would have sixteen spellings.
#[test]
fn a_signature_has_one_spelling() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let token = sign(Value::Object(claims()).to_string().as_bytes());
    let last = token.bytes().last().unwrap();
    let accepted: Vec<u8> = ALPHABET
        .iter()
        .copied()
        .filter(|character| check(&format!("{}{}", &token[..token.len() - 1], char::from(*character))).is_ok())
        .collect();
    assert_eq!(accepted, [last]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No text is accepted as a token, and none makes the parser panic.
    #[test]
    fn no_text_is_a_token(text in ".{0,300}") {
        prop_assert!(check(&text).is_err());
    }

    /// Three base64url parts that nobody has signed are refused, whatever their content.
    #[test]
    fn no_unsigned_parts_are_a_token(header in "[ -~]{0,80}", payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let token = format!("{}.{}.{}", encode(header.as_bytes()), encode(&payload), encode(&signature));
        prop_assert!(check(&token).is_err());
    }

    /// A token in which any one character is changed is refused.
    #[test]
    fn every_character_counts(position in any::<prop::sample::Index>(), replacement in prop::sample::select(b"ABCabc019-_.=+/ ".to_vec())) {
        let token = sign(Value::Object(claims()).to_string().as_bytes());
        let mut changed = token.clone().into_bytes();
        let position = position.index(changed.len());
        prop_assume!(changed[position] != replacement);
        changed[position] = replacement;
        prop_assert!(check(&String::from_utf8(changed).unwrap()).is_err());
    }

    /// If any bits of one byte of the payload or the signature are flipped, or none, the verifier gives the same verdict as josekit
    /// and `rsa`.
    #[test]
    fn verdicts_are_those_of_others(in_payload: bool, position in any::<prop::sample::Index>(), turned in prop_oneof![Just(0_u8), any::<u8>()]) {
        let token = sign(Value::Object(claims()).to_string().as_bytes());
        let parts: Vec<&str> = token.split('.').collect();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let (mut payload, mut signature) = (decode(parts[1]), decode(parts[2]));
        let bytes = if in_payload { &mut payload } else { &mut signature };
        let position = position.index(bytes.len());
        bytes[position] ^= turned;
        let message = format!("{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(&payload));
        let changed = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(&signature));
        let ours = SignedToken::parse(&changed).unwrap().check_signature(&keys()).is_ok();
        prop_assert_eq!(ORACLE.verdicts(message.as_bytes(), &signature), [ours; 2]);
        prop_assert_eq!(ours, turned == 0);
    }

    /// A truncated or extended token is refused.
    #[test]
    fn no_prefix_is_a_token(length in any::<prop::sample::Index>(), tail in "[A-Za-z0-9_.=-]{1,5}") {
        let token = sign(Value::Object(claims()).to_string().as_bytes());
        prop_assert!(check(&token[..length.index(token.len())]).is_err());
        let extended = format!("{token}{tail}");
        prop_assert!(check(&extended).is_err());
    }

    /// A signed token in which a claim has a wrong type is refused.
    #[test]
    fn ill_typed_claims_are_refused(
        name in prop::sample::select(vec!["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "auth_time", "amr", "sid"]),
        value in prop::sample::select(vec![json!(null), json!(true), json!({}), json!([1]), json!(-1), json!(1e300), json!(1.5), json!({"a": 1}), json!(253_402_300_800_u64)]),
    ) {
        let mut claims = claims();
        claims.insert(name.to_owned(), value.clone());
        prop_assert!(check(&sign(Value::Object(claims).to_string().as_bytes())).is_err(), "{} = {}", name, value);
    }

    /// `exp`, `iat` and `nbf` are compared with the clock to the second, with a leeway of 30 seconds.
    #[test]
    fn dates_decide_to_the_second(exp in NOW - 120..NOW + 120, iat in NOW - 120..NOW + 120, nbf in prop::option::of(NOW - 120..NOW + 120)) {
        let mut claims = claims();
        claims.insert("exp".to_owned(), exp.into());
        claims.insert("iat".to_owned(), iat.into());
        if let Some(nbf) = nbf {
            claims.insert("nbf".to_owned(), nbf.into());
        }
        let good = exp + 30 > NOW && iat <= NOW + 30 && nbf.is_none_or(|nbf| nbf <= NOW + 30);
        prop_assert_eq!(check(&sign(Value::Object(claims).to_string().as_bytes())).is_ok(), good);
    }
}
