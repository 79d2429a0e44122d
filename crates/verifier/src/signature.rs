//! Checks RSASSA-PKCS1-v1_5 signatures with SHA-256 (RS256, RFC 7518 §3.3) through aws-lc-rs. All signatures are checked in this
//! file.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

/// A public key that is strong enough. It is parsed once and then used for many signatures.
#[derive(Debug, Clone)]
pub(crate) struct RsaKey(ParsedPublicKey);

impl RsaKey {
    /// Parses a key from its big-endian modulus and exponent. Returns `None` if the modulus has fewer than 2048 or more than 8192
    /// bits, or if the exponent is even, less than 3, or longer than 8 bytes. aws-lc-rs does not check this when it parses a key.
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

    /// Returns `true` if `signature` is this key's signature of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
