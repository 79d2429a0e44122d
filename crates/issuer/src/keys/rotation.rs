//! How the ring changes: a new key is published, a compromised one revoked, old ones erased. Correct with any number of
//! nodes: a key's place in the sequence is unique, and the node whose insert loses discards its key.

use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::PublicKeyParts;
use signet_verifier::Jwk;

use crate::audit::{self, Actor, Event, Face, Who};
use crate::clock::{Clock, ClockRng, UnixSeconds};
use crate::config::Settings;
use crate::keys::KeyError;
use crate::keys::master::MasterKeys;
use crate::keys::ring::{Entry, Ring};
use crate::keys::seal;
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::{ConnectionTrait, Store, StoreError, Transaction, commit};

/// A key pair that is not in the ring yet.
#[derive(Debug)]
pub struct NewKey {
    jwk: Jwk,
    kid: String,
    sealed_private: String,
}

impl NewKey {
    /// Makes a key of `bits` and seals it. Takes tens to hundreds of milliseconds: not for an async thread.
    pub fn generate(bits: usize, master: &MasterKeys, clock: &dyn Clock) -> Result<Self, KeyError> {
        let unusable = |reason: String| KeyError::Unusable { kid: "(new)".to_owned(), reason };
        let (private, jwk, kid) = loop {
            let private = PrivateKey::new(&mut ClockRng(clock), bits).map_err(|error| unusable(error.to_string()))?;
            let jwk = Jwk::rs256(&private.n_bytes(), &private.e_bytes());
            let kid = jwk.kid.clone().unwrap_or_default();
            // One that begins with `-`, as every 64th does, would be taken for a flag where it is typed in an emergency.
            if !kid.starts_with('-') {
                break (private, jwk, kid);
            }
        };
        let der = private.to_pkcs8_der().map_err(|error| unusable(error.to_string()))?;
        let sealed_private = seal::seal(master, der.as_bytes()).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { jwk, kid, sealed_private })
    }

    /// Its row at the place after `ring`.
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

/// What a change of the ring needs.
#[derive(Debug, Clone, Copy)]
pub struct Rotation<'a> {
    /// The database.
    pub store: &'a Store,
    /// Seals the new key.
    pub master: &'a MasterKeys,
    /// Dates and randomness.
    pub clock: &'a dyn Clock,
    /// Sizes and periods.
    pub settings: &'a Settings,
}

impl Rotation<'_> {
    /// The ring as it is stored now.
    pub async fn ring(&self) -> Result<Ring, KeyError> {
        self.ring_in(self.store.reader()).await
    }

    /// The ring as the transaction `db` sees it.
    pub async fn ring_in(&self, db: &impl ConnectionTrait) -> Result<Ring, KeyError> {
        Ok(signing_keys::all(db).await?.iter().map(Entry::from).collect())
    }

    /// Makes a key, outside of any transaction. It takes tens to hundreds of milliseconds.
    pub fn generate(&self) -> Result<NewKey, KeyError> {
        // block_in_place, because the clock and the master key are borrowed.
        tokio::task::block_in_place(|| NewKey::generate(self.settings.key_bits, self.master, self.clock))
    }

    /// Publishes `key` after the keys of `ring`; it will sign once every verifier has seen it, at once where no key signs. Returns
    /// `None` if another node was first.
    pub async fn publish(&self, transaction: &Transaction, ring: &Ring, key: NewKey, actor: &Actor) -> Result<Option<Entry>, KeyError> {
        let now = self.clock.now();
        let activates_at = ring.next_activation(now, self.settings.key_publication_lead);
        Ok(insert(transaction, key.into_row(ring, now, activates_at), actor, now).await?)
    }

    /// Publishes the next key if it is time, erases private parts that sign no more, and forgets keys that are not needed any
    /// more. Any number of nodes may do this at once.
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
            signing_keys::erase_private(self.store.writer(), &entry.kid).await?;
        }
        for entry in ring.removable(now) {
            signing_keys::remove(self.store.writer(), &entry.kid).await?;
        }
        Ok(())
    }

    /// Takes `kid` out of the JWKS at once. If it signed, the next published key signs from now on, or `spare` where none was
    /// published. Returns `false` if there is no such key, or if it was revoked before.
    pub async fn revoke(&self, transaction: &Transaction, kid: &str, spare: NewKey, actor: &Actor) -> Result<bool, KeyError> {
        let now = self.clock.now();
        // Of two keys that are revoked at once, the second must see that the first is gone.
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
            // Its place was taken by a key that another node was publishing, which is there now.
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

/// Lets the next key of `ring` sign from `now` on. False if there is none.
async fn activate_next(transaction: &Transaction, ring: &Ring, now: UnixSeconds) -> Result<bool, StoreError> {
    let Some(next) = ring.next(now) else { return Ok(false) };
    signing_keys::activate(transaction, &next.kid, now).await?;
    Ok(true)
}
