//! Changes of the ring: publishing a new key, revoking a compromised one, and erasing old ones. Any number of nodes may do this at
//! once, because a key's place in the sequence is unique: of two nodes that insert a key there, one discards its key.

use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use signet_verifier::Jwk;

use crate::audit::{self, Actor, Event, Face, Who};
use crate::clock::{Clock, ClockRng, UnixSeconds};
use crate::keys::master::MasterKeys;
use crate::keys::ring::{Entry, Ring};
use crate::keys::seal::{self, Purpose};
use crate::keys::{KeyError, RingContext};
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{ConnectionTrait, StoreError, Transaction, commit};

/// A key pair that is not in the ring yet.
#[derive(Debug)]
pub struct NewKey {
    jwk: Jwk,
    kid: String,
    sealed_private: String,
}

impl NewKey {
    /// Makes a key of `bits` bits and seals it. This takes tens to hundreds of milliseconds, so it must not run on an async thread.
    pub fn generate(bits: usize, master: &MasterKeys, clock: &dyn Clock) -> Result<Self, KeyError> {
        let unusable = |reason: String| KeyError::Unusable { kid: "(new)".to_owned(), reason };
        let (private, jwk, kid) = loop {
            let private = PrivateKey::new(&mut ClockRng(clock), bits).map_err(|error| unusable(error.to_string()))?;
            let jwk = Jwk::rs256(&private.n_bytes(), &private.e_bytes());
            let kid = jwk.kid.clone().unwrap_or_default();
            // One key id in 64 begins with `-`. `signet keys revoke` would take it for a flag, so such a key is discarded.
            if !kid.starts_with('-') {
                break (private, jwk, kid);
            }
        };
        let der = private.to_pkcs8_der().map_err(|error| unusable(error.to_string()))?;
        let sealed_private = seal::seal(master, Purpose::SigningKey, der.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { jwk, kid, sealed_private })
    }

    /// The row of this key, with the place after the keys of `ring`.
    fn into_row(self, ring: &Ring, now: UnixSeconds, activates_at: UnixSeconds) -> SigningKeyRow {
        SigningKeyRow {
            kid: self.kid,
            sequence: ring.next_sequence(),
            alg: "RS256".to_owned(),
            public_jwk: serde_json::to_string(&self.jwk).unwrap_or_default(),
            sealed_private: Some(self.sealed_private),
            published_at: now,
            activates_at,
            revoked_at: None,
        }
    }
}

impl RingContext<'_> {
    /// Reads the ring from the database.
    pub async fn ring(&self) -> Result<Ring, KeyError> {
        self.ring_in(self.store.reader()).await
    }

    /// Reads the ring within the transaction `db`.
    pub async fn ring_in(&self, db: &impl ConnectionTrait) -> Result<Ring, KeyError> {
        Ok(signing_keys::all(db).await?.iter().map(Entry::from).collect())
    }

    /// Makes a key. This takes tens to hundreds of milliseconds, so call it before the transaction begins.
    pub fn generate(&self) -> Result<NewKey, KeyError> {
        // `spawn_blocking` cannot be used, because the clock and the master key are borrowed.
        tokio::task::block_in_place(|| NewKey::generate(self.settings.key_bits, self.master, self.clock))
    }

    /// Publishes `key` after the keys of `ring`. It signs once every verifier has seen it, or at once if no key signs now. Returns
    /// `None` if another node has published a key in the same place.
    pub async fn publish(&self, transaction: &Transaction, ring: &Ring, key: NewKey, actor: &Actor) -> Result<Option<Entry>, KeyError> {
        let now = self.clock.now();
        let activates_at = ring.next_activation(now, self.settings.key_publication_lead);
        Ok(insert(transaction, key.into_row(ring, now, activates_at), actor, now).await?)
    }

    /// Publishes the next key if it is due, erases the private parts of keys that have stopped signing, and removes keys that are no
    /// longer needed. Any number of nodes may do this at once.
    pub async fn maintain(&self) -> Result<(), KeyError> {
        let (now, settings) = (self.clock.now(), self.settings);
        let ring = self.ring().await?;
        if ring.rotation_due(now, settings.key_rotation_period, settings.key_publication_lead) {
            let key = self.generate()?;
            let transaction = self.store.begin().await?;
            let published = self.publish(&transaction, &ring, key, &Actor::local(Who::Issuer, Face::Job)).await?;
            commit(transaction).await?;
            if let Some(entry) = published {
                tracing::info!(kid = entry.kid, activates_at = entry.activates_at, "published a new signing key");
            }
        }
        for entry in ring.erasable(now, settings.key_refresh_interval + settings.clock_skew + 1) {
            let transaction = self.store.begin().await?;
            if signing_keys::erase_private(&transaction, &entry.kid).await? {
                let event = Event::KeyErased { kid: &entry.kid };
                audit::record(&transaction, now, &Actor::local(Who::Issuer, Face::Job), event).await?;
                commit(transaction).await?;
            }
        }
        for entry in ring.removable(now) {
            signing_keys::remove(self.store.writer(), &entry.kid).await?;
        }
        Ok(())
    }

    /// Takes `kid` out of the JWKS at once. If it was the active key, the next published key signs from now on, or `spare` if none
    /// is published. Returns `false` if there is no such key, or if it was already revoked.
    pub async fn revoke(&self, transaction: &Transaction, kid: &str, spare: NewKey, actor: &Actor) -> Result<bool, KeyError> {
        let now = self.clock.now();
        // The lock makes a second revocation wait, so that it does not activate the key that the first one revokes.
        signing_keys::lock(transaction).await?;
        if !signing_keys::revoke(transaction, kid, now).await? {
            return Ok(false);
        }
        self.fill_gap(transaction, spare, actor, now).await?;
        audit::record(transaction, now, actor, Event::KeyRevoked { kid }).await?;
        Ok(true)
    }

    async fn fill_gap(&self, transaction: &Transaction, spare: NewKey, actor: &Actor, now: UnixSeconds) -> Result<(), KeyError> {
        let ring = self.ring_in(transaction).await?;
        if ring.in_time(now).is_some() || activate_next(transaction, &ring, now).await? {
            return Ok(());
        }
        if insert(transaction, spare.into_row(&ring, now, now), actor, now).await?.is_none() {
            // Another node has published a key in this place meanwhile, so that key can sign.
            activate_next(transaction, &self.ring_in(transaction).await?, now).await?;
        }
        Ok(())
    }
}

/// Inserts the row of a new key. Returns `None` if another node took its place in the sequence.
async fn insert(transaction: &Transaction, row: SigningKeyRow, actor: &Actor, now: UnixSeconds) -> Result<Option<Entry>, StoreError> {
    let entry = Entry::from(&row);
    if !signing_keys::insert_if_free(transaction, row).await? {
        return Ok(None);
    }
    audit::record(transaction, now, actor, Event::KeyPublished { kid: &entry.kid }).await?;
    Ok(Some(entry))
}

/// Lets the next key of `ring` sign from `now` on. Returns `false` if there is none.
async fn activate_next(transaction: &Transaction, ring: &Ring, now: UnixSeconds) -> Result<bool, StoreError> {
    let Some(next) = ring.next(now) else { return Ok(false) };
    signing_keys::activate(transaction, &next.kid, now).await?;
    Ok(true)
}
