//! Hashes as Spring Security's delegating encoder stores them: `{id}hash`.
//!
//! A PBKDF2 hash does not tell its parameters, so they are those of Spring Security's defaults, without a secret of the application.

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256};

use super::HashError;
use super::function::Function;
use super::phc;

/// Parses a hash of Spring Security.
pub(super) fn parse(text: &str) -> Result<(Function, Vec<u8>), HashError> {
    let (id, hash) = text.strip_prefix('{').and_then(|text| text.split_once('}')).ok_or(HashError::Form)?;
    match id {
        "bcrypt" => phc::bcrypt(hash, false),
        "argon2" | "argon2@SpringSecurity_v5_8" if hash.starts_with("$argon2") => phc::parse(hash),
        "scrypt" | "scrypt@SpringSecurity_v5_8" => scrypt(hash),
        // The salt stands before the digest.
        "pbkdf2" => {
            let mut salt = unhex(hash)?;
            let digest = salt.split_off(8.min(salt.len()));
            Ok((Function::Pbkdf2 { hmac: PBKDF2_HMAC_SHA1, rounds: 185_000, salt }, digest))
        }
        "pbkdf2@SpringSecurity_v5_8" => {
            let mut salt = unhex(hash)?;
            let digest = salt.split_off(16.min(salt.len()));
            Ok((Function::Pbkdf2 { hmac: PBKDF2_HMAC_SHA256, rounds: 310_000, salt }, digest))
        }
        _ => Err(HashError::Form),
    }
}

/// Parses `$parameters$salt$hash`, where the parameters are one hexadecimal number.
fn scrypt(text: &str) -> Result<(Function, Vec<u8>), HashError> {
    let parts: Vec<&str> = text.split('$').collect();
    let ["", params, salt, hash] = *parts.as_slice() else { return Err(HashError::Form) };
    let [_, log_n, r, p] = u32::from_str_radix(params, 16).map_err(|_| HashError::Form)?.to_be_bytes();
    Ok((Function::Scrypt { log_n, r: r.into(), p: p.into(), salt: phc::decode(salt)? }, phc::decode(hash)?))
}

fn unhex(text: &str) -> Result<Vec<u8>, HashError> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(HashError::Form);
    }
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>().ok_or(HashError::Form)
}
