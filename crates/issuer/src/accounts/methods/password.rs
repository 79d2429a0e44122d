//! The password as an authentication method: Argon2id (RFC 9106) hashes in PHC format, computed on the bounded pool.
//!
//! Each thread of the pool keeps its Argon2 memory between hashes, which doubles the rate if the memory is large.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::accounts::methods::Enrolment;
use crate::accounts::opaque_string;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{ARGON2_OUTPUT_BYTES, MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK};
use crate::oauth::acr::{Acr, Amr};
use crate::pool::Overloaded;
use crate::store::users::User;

/// The authentication context class that a password gives on its own.
pub(super) const ACR: Acr = Acr::Password;
/// The value of a password in the `amr` claim.
pub(super) const AMR: Amr = Amr::Password;

/// Returns whether `user` has a password, and whether they must choose their own because it was generated.
pub(super) fn enrolment(user: &User) -> Enrolment {
    match (&user.password_hash, user.password_generated_at) {
        (None, _) => Enrolment::Absent,
        (Some(_), None) => Enrolment::Complete,
        (Some(_), Some(_)) => Enrolment::Due,
    }
}

/// A hash that cannot be used. The message says what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Argon2id in PHC format, $argon2id$v=19$m=…,t=…,p=…$salt$hash, of at most {MAX_ARGON2_MEMORY_KIB} KiB")]
pub struct HashError;

/// The result of comparing a password with a stored hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The password is wrong, or there is no such user.
    Different,
    /// The password is right.
    Same {
        /// A new hash of the password, if the stored one is weaker than today's parameters.
        rehashed: Option<String>,
    },
}

/// The text before a stored hash that says that the password was prepared ([`opaque_string`]) before it was hashed. Hashes of other systems,
/// and those of earlier versions, lack it.
const PREPARED: &str = "{opaque}";

/// A parsed Argon2id hash.
#[derive(Debug, Clone)]
pub struct StoredHash {
    prepared: bool,
    params: Params,
    salt: Salt,
    output: Output,
}

impl StoredHash {
    /// Parses a hash in PHC format, with or without [`PREPARED`]. Refuses other algorithms, and parameters so large that one sign-in would
    /// delay all others.
    pub fn parse(stored: &str) -> Result<Self, HashError> {
        let (phc, prepared) = stored.strip_prefix(PREPARED).map_or((stored, false), |phc| (phc, true));
        let hash = PasswordHash::new(phc).map_err(|_| HashError)?;
        let params = Params::try_from(&hash).map_err(|_| HashError)?;
        let argon2id_19 = hash.algorithm.as_str() == "argon2id" && hash.version == Some(Version::V0x13.into());
        let fits = params.m_cost() <= MAX_ARGON2_MEMORY_KIB && work(&params) <= MAX_ARGON2_WORK;
        match (hash.salt, hash.hash) {
            (Some(salt), Some(output)) if argon2id_19 && fits => Ok(Self { prepared, params, salt, output }),
            _ => Err(HashError),
        }
    }
}

fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Compares `password` with `stored`. Without a stored hash it does the same work on a dummy, so that the time does not reveal
/// whether there is such a user. Fails at once if the pool is busy.
pub async fn compare(app: &App, password: SecretString, stored: Option<StoredHash>) -> Result<Comparison, Overloaded> {
    let (params, salt) = (app.argon2.clone(), app.clock.random_bytes());
    app.pool.try_run(move |scratch| scratch.lend(|blocks| compare_on_thread(&password, stored.as_ref(), salt, &params, blocks))).await
}

/// Hashes a new password with today's parameters. Waits while the pool is busy.
pub async fn hash(app: &App, password: SecretString) -> Result<String, Overloaded> {
    let (params, salt) = (app.argon2.clone(), app.clock.random_bytes());
    let hashed = app.pool.run(move |scratch| scratch.lend(|blocks| hash_on_thread(&password, &salt, &params, blocks))).await?;
    hashed.ok_or(Overloaded)
}

/// Compares `password` with `stored`. The number of computations follows from the typed password alone, so that the time does not reveal
/// whether the user exists, or how old their hash is: a wrong password costs one computation for each of its forms.
fn compare_on_thread(
    password: &SecretString,
    stored: Option<&StoredHash>,
    salt: [u8; 16],
    params: &Params,
    blocks: &mut Vec<Block>,
) -> Comparison {
    let forms = opaque_string::forms(password.expose_secret());
    let prepared = opaque_string::prepare(password.expose_secret());
    for (number, form) in forms.iter().enumerate() {
        let candidate = match stored {
            Some(stored) if stored.prepared && number > 0 => None,
            Some(stored) => Some((stored, if stored.prepared { &prepared } else { form })),
            None => None,
        };
        let Some((stored, form)) = candidate else {
            // There is nothing to compare with, but the work is the same.
            let params = stored.map_or(params, |stored| &stored.params);
            compute(form, &salt, params, ARGON2_OUTPUT_BYTES, blocks);
            continue;
        };
        let expected = stored.output.as_bytes();
        let same = compute(form, stored.salt.as_ref(), &stored.params, expected.len(), blocks)
            .is_some_and(|output| bool::from(output.ct_eq(expected)));
        if same {
            // A password that was hashed in another form than the prepared one is hashed again, so that any form of it is right from then on.
            let renew = work(&stored.params) < work(params) || *form != prepared;
            return Comparison::Same { rehashed: if renew { hash_on_thread(password, &salt, params, blocks) } else { None } };
        }
    }
    Comparison::Different
}

fn hash_on_thread(password: &SecretString, salt: &[u8; 16], params: &Params, blocks: &mut Vec<Block>) -> Option<String> {
    let prepared = opaque_string::prepare(password.expose_secret());
    let output = compute(&prepared, salt, params, ARGON2_OUTPUT_BYTES, blocks)?;
    let phc = PasswordHash {
        algorithm: Ident::new("argon2id").ok()?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(format!("{PREPARED}{phc}"))
}

/// The number of blocks (of 1 KiB) for which memory is reserved at least. The allocator of glibc maps allocations of more than 32 MiB
/// separately, and unmaps them when they are freed. It takes smaller ones from its arenas once one of them was freed, and the arenas
/// keep the memory: the process would grow with each burst of sign-ins. Reserved memory that is not used costs nothing.
const RESERVED_BLOCKS: usize = 33 * 1024;

fn compute(password: &str, salt: &[u8], params: &Params, length: usize, blocks: &mut Vec<Block>) -> Option<Vec<u8>> {
    if blocks.len() < params.block_count() {
        blocks.reserve_exact(RESERVED_BLOCKS.max(params.block_count()).saturating_sub(blocks.len()));
        blocks.resize(params.block_count(), Block::default());
    }
    let mut output = vec![0; length];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let memory = &mut blocks[..params.block_count()];
    match argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory) {
        Ok(()) => Some(output),
        Err(error) => {
            // This cannot happen with checked parameters. If it did, no password would match.
            tracing::error!(%error, "Argon2 failed");
            None
        }
    }
}

/// 32 letters and digits that are hard to mistake for each other. Each stands for five random bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Returns a random password of 24 letters and digits, which is shown to an administrator once.
pub fn random(clock: &dyn Clock) -> String {
    let bytes = clock.random_bytes::<24>();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
