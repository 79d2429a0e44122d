//! Password hashes: Argon2id (RFC 9106) in PHC format, computed on threads of their own.
//!
//! The threads are few and the queue before them is short: a flood of sign-ins is sent away at once, and never slows
//! anything else. Each thread keeps its memory block, which doubles the rate at larger blocks; idle threads give it back.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::config::{MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK, Settings};

const OUTPUT_BYTES: usize = 32;
/// An idle thread keeps its memory block this long.
const KEEP_BLOCK: Duration = Duration::from_secs(10);

/// A hash that is stored but cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("password hash: expected Argon2id in PHC format, $argon2id$v=19$m=…,t=…,p=…$salt$hash, of at most {MAX_ARGON2_MEMORY_KIB} KiB")]
pub struct HashError;

/// All threads are busy and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Overloaded;

/// What comparing a password with a hash showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// Another password, or no such user.
    Different,
    /// The password, and a stronger hash of it where the stored one is weaker than today's parameters.
    Same {
        /// The stronger hash.
        rehashed: Option<String>,
    },
}

enum Work {
    Compare { password: SecretString, stored: Option<Box<StoredHash>>, salt: [u8; 16], reply: oneshot::Sender<Comparison> },
    Hash { password: SecretString, salt: [u8; 16], reply: oneshot::Sender<String> },
}

impl Work {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Compare { reply, .. } => reply.is_closed(),
            Self::Hash { reply, .. } => reply.is_closed(),
        }
    }
}

/// A parsed Argon2id hash.
#[derive(Debug, Clone)]
pub struct StoredHash {
    params: Params,
    salt: Salt,
    output: Output,
}

impl StoredHash {
    /// Reads a hash in PHC format; refuses other algorithms and parameters that would let one sign-in stall the rest.
    pub fn parse(phc: &str) -> Result<Self, HashError> {
        let hash = PasswordHash::new(phc).map_err(|_| HashError)?;
        let params = Params::try_from(&hash).map_err(|_| HashError)?;
        let argon2id_19 = hash.algorithm.as_str() == "argon2id" && hash.version == Some(Version::V0x13.into());
        let fits = params.m_cost() <= MAX_ARGON2_MEMORY_KIB && work(&params) <= MAX_ARGON2_WORK;
        match (hash.salt, hash.hash) {
            (Some(salt), Some(output)) if argon2id_19 && fits => Ok(Self { params, salt, output }),
            _ => Err(HashError),
        }
    }
}

fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// The threads that hash, and the queue before them.
#[derive(Debug, Clone)]
pub struct Hasher {
    queue: flume::Sender<Work>,
    clock: Arc<dyn Clock>,
}

impl Hasher {
    /// Starts `hash_threads` threads.
    pub fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let params = Params::new(settings.argon2_memory_kib, settings.argon2_iterations, settings.argon2_parallelism, Some(OUTPUT_BYTES))
            .map_err(|error| format!("argon2_memory_kib, argon2_iterations, argon2_parallelism: {error}"))?;
        let (queue, jobs) = flume::bounded::<Work>(settings.hash_queue);
        for number in 0..settings.hash_threads {
            let (jobs, params) = (jobs.clone(), params.clone());
            let thread = std::thread::Builder::new().name(format!("hash-{number}"));
            thread.spawn(move || serve(&jobs, &params)).map_err(|error| format!("hash_threads: {error}"))?;
        }
        Ok(Self { queue, clock })
    }

    /// Compares `password` with `stored`. Without a stored hash the same work is done on a dummy, so that the time does
    /// not tell whether there is such a user.
    pub async fn compare(&self, password: SecretString, stored: Option<StoredHash>) -> Result<Comparison, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let work = Work::Compare { password, stored: stored.map(Box::new), salt: self.clock.random_bytes(), reply };
        self.queue.try_send(work).map_err(|_| Overloaded)?;
        answer.await.map_err(|_| Overloaded)
    }

    /// Hashes a new password with today's parameters.
    pub async fn hash(&self, password: SecretString) -> Result<String, Overloaded> {
        let (reply, answer) = oneshot::channel();
        let work = Work::Hash { password, salt: self.clock.random_bytes(), reply };
        self.queue.send_async(work).await.map_err(|_| Overloaded)?;
        answer.await.map_err(|_| Overloaded)
    }
}

/// What one thread does until the queue is dropped.
fn serve(jobs: &flume::Receiver<Work>, params: &Params) {
    let mut blocks = Vec::new();
    loop {
        let job = match jobs.recv_timeout(KEEP_BLOCK) {
            Ok(job) => job,
            Err(flume::RecvTimeoutError::Timeout) => {
                blocks = Vec::new();
                match jobs.recv() {
                    Ok(job) => job,
                    Err(flume::RecvError::Disconnected) => return,
                }
            }
            Err(flume::RecvTimeoutError::Disconnected) => return,
        };
        if job.is_abandoned() {
            continue;
        }
        // A reply that nobody waits for is no error.
        match job {
            Work::Compare { password, stored, salt, reply } => {
                let _ = reply.send(compare(&password, stored.as_deref(), salt, params, &mut blocks));
            }
            Work::Hash { password, salt, reply } => {
                if let Some(phc) = hash(&password, &salt, params, &mut blocks) {
                    let _ = reply.send(phc);
                }
            }
        }
    }
}

fn compare(password: &SecretString, stored: Option<&StoredHash>, salt: [u8; 16], params: &Params, blocks: &mut Vec<Block>) -> Comparison {
    let Some(stored) = stored else {
        compute(password, &salt, params, OUTPUT_BYTES, blocks);
        return Comparison::Different;
    };
    let expected = stored.output.as_bytes();
    let same = compute(password, stored.salt.as_ref(), &stored.params, expected.len(), blocks)
        .is_some_and(|output| bool::from(output.ct_eq(expected)));
    if !same {
        return Comparison::Different;
    }
    let weaker = work(&stored.params) < work(params);
    Comparison::Same { rehashed: if weaker { hash(password, &salt, params, blocks) } else { None } }
}

fn hash(password: &SecretString, salt: &[u8; 16], params: &Params, blocks: &mut Vec<Block>) -> Option<String> {
    let output = compute(password, salt, params, OUTPUT_BYTES, blocks)?;
    let phc = PasswordHash {
        algorithm: Ident::new("argon2id").ok()?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(phc.to_string())
}

fn compute(password: &SecretString, salt: &[u8], params: &Params, length: usize, blocks: &mut Vec<Block>) -> Option<Vec<u8>> {
    if blocks.len() < params.block_count() {
        blocks.resize(params.block_count(), Block::default());
    }
    let mut output = vec![0; length];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let memory = &mut blocks[..params.block_count()];
    match argon2.hash_password_into_with_memory(password.expose_secret().as_bytes(), salt, &mut output, memory) {
        Ok(()) => Some(output),
        Err(error) => {
            // Cannot happen with checked parameters; if it did, no password would match.
            tracing::error!(%error, "Argon2 failed");
            None
        }
    }
}
