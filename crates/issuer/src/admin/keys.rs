//! Operations on signing keys.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::words::duration;
use crate::admin::{Change, Operation, Reading, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, date, rfc3339, rfc3339_or_none};
use crate::config::{Settings, VERIFIER_MIN_MAX_AGE, VERIFIER_STALE_ALLOWANCE};
use crate::keys::ring::{Entry, Ring};
use crate::keys::rotation::NewKey;
use crate::store::signing_keys;

/// A signing key as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeyView {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// `published`, `active`, `retired`, `gone` or `revoked`.
    pub state: &'static str,
    /// The time at which the key was added to the JWKS.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub published_at: UnixSeconds,
    /// The time from which the key signs.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub signs_from: UnixSeconds,
    /// The time from which the next key signs; `None` if there is no next key yet.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signs_until: Option<UnixSeconds>,
    /// The time at which the key leaves the JWKS, unless it is revoked before; `None` if there is no next key yet.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub leaves_at: Option<UnixSeconds>,
    /// `None` if the key was not revoked.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<UnixSeconds>,
}

/// The times within which everybody refuses the tokens of a key that was revoked, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    /// The nodes of this issuer.
    pub nodes: UnixSeconds,
    /// Services that use signet-verifier without the feed of revocations, while they reach the issuer.
    pub verifiers: UnixSeconds,
    /// Services that use signet-verifier and do not reach the issuer.
    pub cut_off: UnixSeconds,
}

impl Notice {
    /// Returns the times that follow from `settings`.
    pub fn of(settings: &Settings) -> Self {
        let verifiers = settings.jwks_max_age.max(VERIFIER_MIN_MAX_AGE);
        Self { nodes: settings.key_refresh_interval, verifiers, cut_off: verifiers + VERIFIER_STALE_ALLOWANCE }
    }

    /// Says the times in sentences, one for each group of services. `settings` are those of [`Notice::of`].
    pub fn sentences(self, settings: &Settings) -> [String; 4] {
        let [nodes, verifiers, cut_off] = [self.nodes, self.verifiers, self.cut_off].map(duration);
        [
            format!("Each node that runs follows within a second, and within {nodes} at the latest."),
            "Services that follow the feed of revocations (signet-verifier with the feature `revocation`) refuse the key's tokens within \
             about a second while they reach the issuer."
                .to_owned(),
            format!(
                "Services that use signet-verifier without the feed refuse them within {verifiers} while they reach the issuer. Services that \
                 do not reach it, with or without the feed, refuse them within {cut_off}."
            ),
            format!(
                "Services that use another library keep the key for as long as that library keeps its JWKS. Many keep it for hours, and fetch \
                 again only for an unknown key. Restart these services now, or make them fetch {} again.",
                settings.issuer.endpoint("/.well-known/jwks.json")
            ),
        ]
    }
}

fn view(app: &App, ring: &Ring, entry: &Entry) -> KeyView {
    let (signs_until, lifetime) = (ring.superseded_at(entry), app.settings.retired_key_lifetime());
    KeyView {
        kid: entry.kid.clone(),
        state: ring.state(entry, app.now(), lifetime).as_str(),
        published_at: entry.published_at,
        signs_from: entry.activates_at,
        signs_until,
        leaves_at: signs_until.map(|at| at + lifetime),
        revoked_at: entry.revoked_at,
    }
}

fn views(app: &App, ring: &Ring) -> Vec<KeyView> {
    ring.entries().iter().map(|entry| view(app, ring, entry)).collect()
}

/// Returns all signing keys, in the order in which they sign. They are few, so there is only one page.
pub async fn list(reading: &Reading<'_>) -> Result<Vec<KeyView>, Refused> {
    let app = reading.permit(Operation::KeyList)?;
    Ok(views(app, &app.rotation().ring().await?))
}

/// Adds `key` to the JWKS. It begins to sign when every verifier has had time to fetch it. Fails with [`Refused::Conflict`] if a
/// published key is already waiting to sign.
pub async fn publish(change: &mut Change<'_>, key: NewKey) -> Result<KeyView, Refused> {
    change.require(Operation::KeyPublish)?;
    let rotation = change.app.rotation();
    let ring = rotation.ring_in(&change.transaction).await?;
    // Refuse a second waiting key, because verifiers accept only a limited number of keys, and the second one would never sign.
    if let Some(waiting) = ring.next(change.now) {
        let from = date(waiting.activates_at);
        return Err(Refused::Conflict(format!("the key {} is published already; it signs from {from} on", waiting.kid)));
    }
    let published = rotation.publish(&change.transaction, &ring, key, change.actor).await?;
    let entry = published.ok_or_else(|| Refused::Conflict("another node published a key at the same moment".to_owned()))?;
    record(change, Action::KeysRotated, &entry.kid, &ring).await?;
    Ok(KeyView {
        kid: entry.kid,
        state: if entry.activates_at > change.now { "published" } else { "active" },
        published_at: entry.published_at,
        signs_from: entry.activates_at,
        signs_until: None,
        leaves_at: None,
        revoked_at: None,
    })
}

/// Records an operation on the key `kid` with all keys before and after it, because it may change the dates of other keys too.
/// Returns the ring after it.
async fn record(change: &Change<'_>, action: Action, kid: &str, before: &Ring) -> Result<Ring, Refused> {
    let after = change.app.rotation().ring_in(&change.transaction).await?;
    let (old, new) = (views(change.app, before), views(change.app, &after));
    change.record(action, Object::Named(kid), Some(&old), Some(&new)).await?;
    Ok(after)
}

/// Removes the key `kid` from the JWKS at once. If it was the key that signs, the next published key signs from now on, or `spare`
/// if none was published. Returns the `kid` of the key that signs afterwards. Fails with [`Refused::NotFound`] if there is no such key,
/// and with [`Refused::Conflict`] if it is already revoked.
pub async fn revoke(change: &mut Change<'_>, kid: &str, spare: NewKey) -> Result<Option<String>, Refused> {
    change.require(Operation::KeyRevoke)?;
    let rotation = change.app.rotation();
    // Lock before reading, so that what is recorded as before the change is what the change found.
    signing_keys::lock(&change.transaction).await?;
    let before = rotation.ring_in(&change.transaction).await?;
    if !before.entries().iter().any(|entry| entry.kid == kid) {
        return Err(Refused::not_found("key", kid));
    }
    if !rotation.revoke(&change.transaction, kid, spare, change.actor).await? {
        return Err(Refused::Conflict(format!("the key {kid} is already revoked")));
    }
    let ring = record(change, Action::KeysRevoked, kid, &before).await?;
    Ok(ring.active(change.now).map(|entry| entry.kid.clone()))
}
