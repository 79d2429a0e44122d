//! The functions that hash passwords, with the parameters and the salt of one hash.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::pbkdf2;
use secrecy::zeroize::Zeroizing;

use super::{HashError, MAX_BCRYPT_COST, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_MEMORY, MAX_SCRYPT_WORK, SALT_BYTES};
use crate::config::{MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK};

/// The number of bytes of a password that bcrypt reads.
const BCRYPT_BYTES: usize = 72;
/// The length of a bcrypt digest in bytes; the last byte of the output is never stored.
const BCRYPT_DIGEST_BYTES: usize = 23;

/// A function with its parameters and salt.
#[derive(Clone)]
pub(super) enum Function {
    /// Argon2 (RFC 9106).
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8> },
    /// The function scrypt (RFC 7914) with N = 2 to the power of `log_n`.
    Scrypt { log_n: u8, r: u32, p: u32, salt: Vec<u8> },
    /// The function PBKDF2 (RFC 8018) with HMAC.
    Pbkdf2 { hmac: pbkdf2::Algorithm, rounds: u32, salt: Vec<u8> },
    /// The function bcrypt. If `of_sha256` is `true`, it hashes the SHA-256 of the password in hexadecimal.
    Bcrypt { cost: u32, of_sha256: bool, salt: [u8; 16] },
}

impl Function {
    /// Checks that one computation neither takes too long nor needs too much memory, and that the salt is long enough.
    pub(super) fn check(&self) -> Result<(), HashError> {
        let (within, error) = match self {
            Self::Argon2 { params, .. } => (params.m_cost() <= MAX_ARGON2_MEMORY_KIB && work(params) <= MAX_ARGON2_WORK, HashError::Argon2),
            &Self::Scrypt { log_n, r, p, .. } => {
                let n_r = 1_u64.checked_shl(log_n.into()).and_then(|n| n.checked_mul(r.into())).unwrap_or(u64::MAX);
                let memory = n_r.saturating_mul(128).saturating_add(u64::from(r).saturating_mul(p.into()).saturating_mul(128));
                let fits = memory <= MAX_SCRYPT_MEMORY && n_r.saturating_mul(p.into()) <= MAX_SCRYPT_WORK;
                (fits && log_n > 0 && scrypt::Params::new(log_n, r, p).is_ok(), HashError::Scrypt)
            }
            Self::Pbkdf2 { rounds, .. } => ((1..=MAX_PBKDF2_ROUNDS).contains(rounds), HashError::Pbkdf2),
            Self::Bcrypt { cost, .. } => ((4..=MAX_BCRYPT_COST).contains(cost), HashError::Bcrypt),
        };
        if !within {
            return Err(error);
        }
        if SALT_BYTES.contains(&self.salt().len()) { Ok(()) } else { Err(HashError::Salt) }
    }

    fn salt(&self) -> &[u8] {
        match self {
            Self::Argon2 { salt, .. } | Self::Scrypt { salt, .. } | Self::Pbkdf2 { salt, .. } => salt,
            Self::Bcrypt { salt, .. } => salt,
        }
    }

    /// Returns the work of one computation ([`work`]); `None` for other functions than Argon2.
    pub(super) fn argon2_work(&self) -> Option<u64> {
        match self {
            Self::Argon2 { params, .. } => Some(work(params)),
            _ => None,
        }
    }

    /// Computes `length` bytes of output.
    pub(super) fn compute(&self, password: &[u8], length: usize, blocks: &mut Vec<Block>) -> Option<Vec<u8>> {
        let mut output = vec![0; length];
        match self {
            Self::Argon2 { algorithm, version, params, salt } => {
                return argon2(*algorithm, *version, password, salt, params, length, blocks);
            }
            Self::Scrypt { log_n, r, p, salt } => {
                scrypt::scrypt(password, salt, &scrypt::Params::new(*log_n, *r, *p).ok()?, &mut output).ok()?;
            }
            Self::Pbkdf2 { hmac, rounds, salt } => pbkdf2::derive(*hmac, NonZeroU32::new(*rounds)?, salt, password, &mut output),
            Self::Bcrypt { cost, of_sha256, salt } => {
                let key = if *of_sha256 { bcrypt_key(hex(digest(&SHA256, password).as_ref()).as_bytes()) } else { bcrypt_key(password) };
                output = bcrypt::bcrypt(*cost, *salt, &key)[..BCRYPT_DIGEST_BYTES].to_vec();
            }
        }
        Some(output)
    }
}

/// Returns the bytes that bcrypt reads: the password and a NUL, up to 72 bytes. Bytes after a NUL in the password count, as in the bcrypt
/// libraries of Python and Java.
fn bcrypt_key(password: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.iter().copied().chain([0]).take(BCRYPT_BYTES).collect())
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    Zeroizing::new(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect())
}

/// Returns the work of an Argon2 hash: the product of its memory in KiB and its passes.
pub(in crate::accounts::methods) fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Computes an Argon2id hash of version 1.3.
pub(in crate::accounts::methods) fn argon2id(
    password: &str,
    salt: &[u8],
    params: &Params,
    length: usize,
    blocks: &mut Vec<Block>,
) -> Option<Vec<u8>> {
    argon2(Algorithm::Argon2id, Version::V0x13, password.as_bytes(), salt, params, length, blocks)
}

fn argon2(
    algorithm: Algorithm,
    version: Version,
    password: &[u8],
    salt: &[u8],
    params: &Params,
    length: usize,
    blocks: &mut Vec<Block>,
) -> Option<Vec<u8>> {
    if blocks.len() < params.block_count() {
        blocks.reserve_exact(params.block_count().saturating_sub(blocks.len()));
        blocks.resize(params.block_count(), Block::default());
    }
    let mut output = vec![0; length];
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let memory = &mut blocks[..params.block_count()];
    match argon2.hash_password_into_with_memory(password, salt, &mut output, memory) {
        Ok(()) => Some(output),
        Err(error) => {
            // This cannot happen with checked parameters. If it did, no password would match.
            tracing::error!(%error, "Argon2 failed");
            None
        }
    }
}
