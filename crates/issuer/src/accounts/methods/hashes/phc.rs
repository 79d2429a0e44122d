//! Hashes that begin with a dollar sign: strings of the PHC format, the older forms of passlib, and bcrypt.

use argon2::{Algorithm, Params, Version};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};
use base64::Engine;
use base64::alphabet::{BCRYPT, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::HashError;
use super::function::Function;

/// Base64 with or without padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// The base64 of bcrypt. Some tools leave bits at the end of a salt, which others ignore.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone).with_decode_allow_trailing_bits(true),
);
/// The length of a bcrypt hash in characters.
const BCRYPT_LENGTH: usize = 60;

/// Parses a hash that begins with `$`.
pub(super) fn parse(text: &str) -> Result<(Function, Vec<u8>), HashError> {
    let parts: Vec<&str> = text.split('$').skip(1).collect();
    match *parts.as_slice() {
        ["2a" | "2b" | "2y", ..] => bcrypt(text, false),
        ["2" | "2x", ..] => Err(HashError::Bcrypt),
        [variant @ ("argon2i" | "argon2d" | "argon2id"), version, params, salt, hash] => {
            let version = version.strip_prefix("v=").ok_or(HashError::Form)?;
            argon2(variant, version, named(params, ["m", "t", "p"])?, decode(salt)?, decode(hash)?)
        }
        // Before version 1.3 of Argon2, hashes did not name their version.
        [variant @ ("argon2i" | "argon2d" | "argon2id"), params, salt, hash] => {
            argon2(variant, "16", named(params, ["m", "t", "p"])?, decode(salt)?, decode(hash)?)
        }
        ["scrypt", params, salt, hash] => {
            let [log_n, r, p] = named(params, ["ln", "r", "p"])?;
            let log_n = u8::try_from(log_n).map_err(|_| HashError::Scrypt)?;
            Ok((Function::Scrypt { log_n, r, p, salt: decode(salt)? }, decode(hash)?))
        }
        [name @ ("pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512"), params, salt, hash] => {
            let rounds = match params.split_once(",l=") {
                Some((rounds, length)) if decode(hash)?.len().to_string() == length => named(rounds, ["i"])?[0],
                Some(_) => return Err(HashError::Form),
                None => named(params, ["i"]).map(|[rounds]| rounds).or_else(|_| number(params))?,
            };
            Ok((Function::Pbkdf2 { hmac: hmac(name)?, rounds, salt: decode(salt)? }, decode(hash)?))
        }
        _ => Err(HashError::Form),
    }
}

/// Makes an Argon2 function of the version `16` (1.0) or `19` (1.3) with memory in KiB, passes and lanes.
pub(super) fn argon2(
    variant: &str,
    version: &str,
    [memory, passes, lanes]: [u32; 3],
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Result<(Function, Vec<u8>), HashError> {
    let algorithm = Algorithm::try_from(variant).map_err(|_| HashError::Form)?;
    let version = number(version).and_then(|version| Version::try_from(version).map_err(|_| HashError::Form))?;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| HashError::Argon2)?;
    Ok((Function::Argon2 { algorithm, version, params, salt }, hash))
}

/// Parses a bcrypt hash. `of_sha256` says whether it is of the SHA-256 of the password.
pub(super) fn bcrypt(text: &str, of_sha256: bool) -> Result<(Function, Vec<u8>), HashError> {
    if text.len() != BCRYPT_LENGTH || !text.is_ascii() {
        return Err(HashError::Form);
    }
    let (head, rest) = text.split_at(7);
    let cost = head.strip_prefix("$2a$").or(head.strip_prefix("$2b$")).or(head.strip_prefix("$2y$"));
    let cost = cost.and_then(|cost| cost.strip_suffix('$')).ok_or(HashError::Form).and_then(number)?;
    let (salt, hash) = rest.split_at(22);
    let decode = |text| BCRYPT_BASE64.decode(text).map_err(|_| HashError::Form);
    let salt = decode(salt)?.try_into().map_err(|_| HashError::Form)?;
    Ok((Function::Bcrypt { cost, of_sha256, salt }, decode(hash)?))
}

/// Returns the HMAC of a PBKDF2 function, such as `pbkdf2-sha256`. Without a name of a digest it is SHA-1.
pub(super) fn hmac(name: &str) -> Result<pbkdf2::Algorithm, HashError> {
    match name {
        "pbkdf2" | "pbkdf2-sha1" => Ok(PBKDF2_HMAC_SHA1),
        "pbkdf2-sha256" => Ok(PBKDF2_HMAC_SHA256),
        "pbkdf2-sha512" => Ok(PBKDF2_HMAC_SHA512),
        _ => Err(HashError::Form),
    }
}

/// Decodes base64 with or without padding. In passlib's variant a dot stands for the plus sign.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    BASE64.decode(text.replace('.', "+")).map_err(|_| HashError::Form)
}

/// Parses a decimal number.
pub(super) fn number(text: &str) -> Result<u32, HashError> {
    text.parse().map_err(|_| HashError::Form)
}

/// Parses the numbers of `names` in their order, such as `m=19456,t=2,p=1`.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Result<[u32; N], HashError> {
    let mut values = [0; N];
    let mut fields = text.split(',');
    for (name, value) in names.into_iter().zip(&mut values) {
        let (found, text) = fields.next().and_then(|field| field.split_once('=')).ok_or(HashError::Form)?;
        *value = if found == name { number(text)? } else { return Err(HashError::Form) };
    }
    if fields.next().is_none() { Ok(values) } else { Err(HashError::Form) }
}
