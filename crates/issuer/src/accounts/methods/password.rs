//! The password as an authentication method: Argon2id (RFC 9106) hashes in PHC format, computed on the bounded pool. Hashes that came from
//! other systems are compared too, and replaced.
//!
//! Each thread of the pool keeps its Argon2 memory between hashes, which doubles the rate if the memory is large.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use crate::accounts::methods::Enrolment;
use crate::accounts::methods::hashes::{PREPARED, StoredHash, argon2id};
use crate::accounts::opaque_string;
use crate::app::App;
use crate::clock::Clock;
use crate::config::ARGON2_OUTPUT_BYTES;
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
        let Some(stored) = stored else {
            // There is nothing to compare with, but the work is the same.
            argon2id(form, &salt, params, ARGON2_OUTPUT_BYTES, blocks);
            continue;
        };
        let typed = if stored.is_prepared() { &prepared } else { form };
        // A prepared password has one form, which was compared first; the others only take the time.
        if stored.is_of(typed, blocks) && !(stored.is_prepared() && number > 0) {
            // A password that was hashed in another form than the prepared one is hashed again, so that any form of it is right from then on.
            let renew = stored.must_be_renewed(params) || *typed != prepared;
            return Comparison::Same { rehashed: if renew { hash_on_thread(password, &salt, params, blocks) } else { None } };
        }
    }
    Comparison::Different
}

fn hash_on_thread(password: &SecretString, salt: &[u8; 16], params: &Params, blocks: &mut Vec<Block>) -> Option<String> {
    let prepared = opaque_string::prepare(password.expose_secret());
    let output = argon2id(&prepared, salt, params, ARGON2_OUTPUT_BYTES, blocks)?;
    let phc = PasswordHash {
        algorithm: Ident::new("argon2id").ok()?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&output).ok()?),
    };
    Some(format!("{PREPARED}{phc}"))
}

/// 32 letters and digits that are hard to mistake for each other. Each stands for five random bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Returns a random password of 24 letters and digits, which is shown to an administrator once.
pub fn random(clock: &dyn Clock) -> String {
    let bytes = clock.random_bytes::<24>();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
