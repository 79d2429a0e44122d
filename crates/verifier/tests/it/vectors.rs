//! Published test vectors: Wycheproof's JSON Web Signature vectors, which contain the RS256 example of RFC 7520 §4.1, and the
//! examples of RFC 7515 §A.2 and RFC 7638 §3.1.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use signet_verifier::{Jwk, KeySet, Refusal, SignedToken};
use wycheproof_ng_kdf_jose::json_web::TestName;

/// Returns `true` if this crate accepts `jws` as signed with the JWK `key`.
fn accepts(key: &Value, jws: &str) -> bool {
    let jwks = serde_json::json!({ "keys": [key] }).to_string();
    let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
    SignedToken::parse(jws).is_ok_and(|token| token.check_signature(&keys).is_ok())
}

#[test]
fn wycheproof() {
    let file: Value = serde_json::from_str(TestName::JsonWebSignature.json_data()).unwrap();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for group in file["testGroups"].as_array().unwrap() {
        // A group with a symmetric key has no public key. Pass its secret key, which the verifier must not accept as an RSA key.
        let key = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        for test in group["tests"].as_array().unwrap() {
            if accepts(key, test["jws"].as_str().unwrap()) {
                assert_eq!(test["result"], "valid", "tcId {}: {}", test["tcId"], test["comment"]);
                accepted.push(test["tcId"].as_u64().unwrap());
            } else {
                refused += 1;
            }
        }
    }
    // Accepted are 1 + 5 vectors of the group rs256, and the example of RFC 7520 §4.1 with `use` and with `key_ops`.
    assert_eq!((accepted, refused), (vec![33, 259, 260, 261, 262, 263, 345, 349], 393));
}

/// The example token of RFC 7515 §A.2. It has no `kid`.
const A2_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

#[test]
fn rfc_7515_a_2() {
    let jwk = serde_json::json!({ "kty": "RSA", "kid": "a2", "n": A2_MODULUS, "e": "AQAB" });
    let keys = KeySet::from_jwks(serde_json::json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let named = SignedToken::parse_for(A2_TOKEN, Some("a2")).unwrap();
    assert_eq!(
        named.check_signature(&keys).unwrap(),
        b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
    );
    // Tokens of the issuer always have a `kid`. So a token without one is refused before its signature is checked.
    assert_eq!(SignedToken::parse(A2_TOKEN).unwrap_err(), Refusal::UnknownKey);
}

#[test]
fn rfc_7638_3_1() {
    let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = Jwk::rs256(&BASE64_URL_SAFE_NO_PAD.decode(modulus).unwrap(), &[1, 0, 1]);
    assert_eq!(jwk.kid.as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
}
