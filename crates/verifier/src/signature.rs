//! RSASSA-PKCS1-v1_5 with SHA-256 (RS256, RFC 7518 §3.3) over aws-lc-rs: the whole cryptography of this crate.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

/// A public key that is strong enough and parsed once.
#[derive(Debug, Clone)]
pub(crate) struct RsaKey(ParsedPublicKey);

impl RsaKey {
    /// A key from its big-endian modulus and exponent. None for a modulus outside 2048 to 8192 bits, and for an even
    /// exponent or one below 3: aws-lc-rs takes keys as they come.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
        let odd = exponent.last()? % 2 == 1;
        if !(2048..=8192).contains(&bits) || !odd || exponent == [1] || exponent.len() > 8 {
            return None;
        }
        RsaPublicKeyComponents { n: modulus, e: exponent }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok().map(Self)
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
