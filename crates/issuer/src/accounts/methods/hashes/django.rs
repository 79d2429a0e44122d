//! Hashes as Django stores them: `algorithm$parameters$salt$hash`.

use super::HashError;
use super::function::Function;
use super::phc;

/// Parses a hash of Django.
pub(super) fn parse(text: &str) -> Result<(Function, Vec<u8>), HashError> {
    let (algorithm, rest) = text.split_once('$').ok_or(HashError::Form)?;
    let parts: Vec<&str> = rest.split('$').collect();
    match (algorithm, parts.as_slice()) {
        ("argon2", _) => phc::parse(&format!("${rest}")),
        ("bcrypt", _) => phc::bcrypt(rest, false),
        ("bcrypt_sha256", _) => phc::bcrypt(rest, true),
        // The salt is a text, and is not decoded.
        ("pbkdf2_sha1" | "pbkdf2_sha256", &[rounds, salt, hash]) => {
            let (hmac, rounds) = (phc::hmac(&algorithm.replace('_', "-"))?, phc::number(rounds)?);
            Ok((Function::Pbkdf2 { hmac, rounds, salt: salt.into() }, phc::decode(hash)?))
        }
        ("scrypt", &[n, salt, r, p, hash]) => {
            let (n, r, p) = (phc::number(n)?, phc::number(r)?, phc::number(p)?);
            if !n.is_power_of_two() {
                return Err(HashError::Scrypt);
            }
            let log_n = u8::try_from(n.ilog2()).map_err(|_| HashError::Scrypt)?;
            Ok((Function::Scrypt { log_n, r, p, salt: salt.into() }, phc::decode(hash)?))
        }
        _ => Err(HashError::Form),
    }
}
