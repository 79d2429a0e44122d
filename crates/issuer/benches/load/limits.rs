//! Measures the limits: how often each core does a piece of bare cryptography per second while all cores work.

use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use josekit::jws::{JwsSigner, RS256};

use crate::{LENGTH, PASSWORD};

/// Returns how often one core does the work per second while all cores do it. A server that uses all cores cannot do better. `make`
/// is called once on each core and returns its work.
fn rate<W: FnMut()>(make: impl Fn() -> W + Sync) -> f64 {
    let cores = std::thread::available_parallelism().unwrap().get();
    let on_one = || {
        let (mut work, mut count) = (make(), 0_u32);
        let start = Instant::now();
        while start.elapsed() < LENGTH {
            work();
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    };
    let total: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(on_one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    total / f64::from(u32::try_from(cores).unwrap())
}

/// A name, and a function that measures how often each core does one piece of bare cryptography per second.
pub type Limit = (&'static str, fn() -> f64);

pub const RSA: Limit = ("RSA-2048", bare_rsa);
/// `Argon2::hash_password_into`, which allocates its memory at each call.
pub const ARGON2: Limit = ("Argon2", bare_argon2);
/// The same hash in one block of memory that is kept, so that allocation costs nothing.
pub const ARGON2_KEPT: Limit = ("Argon2 in one block", bare_argon2_kept);

fn bare_rsa() -> f64 {
    let pair = josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap();
    let signer = RS256.signer_from_der(pair.to_der_private_key()).unwrap();
    rate(|| || drop(signer.sign(&[0; 600]).unwrap()))
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19456, 2, 1, Some(32)).unwrap())
}

fn bare_argon2() -> f64 {
    rate(|| || argon2().hash_password_into(PASSWORD.as_bytes(), &[0; 16], &mut [0; 32]).unwrap())
}

fn bare_argon2_kept() -> f64 {
    rate(|| {
        let argon2 = argon2();
        let mut memory = vec![Block::default(); argon2.params().block_count()];
        move || argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[0; 16], &mut [0; 32], &mut memory).unwrap()
    })
}
