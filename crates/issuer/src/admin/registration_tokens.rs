//! Initial access tokens (RFC 7591 §3), by which clients may register themselves.

use std::ops::RangeInclusive;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{Change, Fault, Operation, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::clock::{DAY, UnixSeconds, rfc3339};
use crate::oauth::secret;
use crate::store::registration_tokens;

/// The allowed number of registrations of one token.
pub const USES: RangeInclusive<i32> = 1..=1_000_000;
/// The allowed lifetime of a token, in seconds.
pub const LIFETIME: RangeInclusive<UnixSeconds> = 60..=366 * DAY;

/// The input for a new token, which passed all checks.
#[derive(Debug, Clone, Copy)]
pub struct NewRegistrationToken {
    uses: i32,
    lifetime: UnixSeconds,
}

impl NewRegistrationToken {
    /// Checks the input for a token that is good for `uses` registrations within `lifetime` seconds. Fails with all faults, not only
    /// the first.
    pub fn check(uses: i32, lifetime: UnixSeconds) -> Result<Self, Refused> {
        let mut faults = Vec::new();
        if !USES.contains(&uses) {
            faults.push(Fault::new("uses", format!("{} to {} registrations", USES.start(), USES.end())).found(uses));
        }
        if !LIFETIME.contains(&lifetime) {
            faults.push(Fault::new("lifetime", format!("{} to {} seconds", LIFETIME.start(), LIFETIME.end())).found(lifetime));
        }
        if faults.is_empty() { Ok(Self { uses, lifetime }) } else { Err(Refused::Invalid(faults)) }
    }
}

/// A new token, which is shown only once.
#[derive(Debug)]
pub struct IssuedToken {
    /// 256 random bits in base64url.
    pub token: String,
    /// The uses and the expiry of the token.
    pub view: RegistrationTokenView,
}

/// The uses and the expiry of a token.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegistrationTokenView {
    /// The number of registrations that are left.
    pub uses: i32,
    /// Unix seconds, serialized as RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: UnixSeconds,
}

/// Makes a token.
pub async fn issue(change: &mut Change<'_>, token: NewRegistrationToken) -> Result<IssuedToken, Refused> {
    change.require(Operation::RegistrationTokenIssue)?;
    let NewRegistrationToken { uses, lifetime } = token;
    let token = BASE64_URL_SAFE_NO_PAD.encode(change.app.clock.random_bytes::<32>());
    let view = RegistrationTokenView { uses, expires_at: change.now + lifetime };
    registration_tokens::insert(&change.transaction, &secret::key(&token), uses, view.expires_at).await?;
    change.record(Action::RegistrationTokenIssued, Object::Named("initial access token"), None, Some(&view)).await?;
    Ok(IssuedToken { token, view })
}

/// Uses a token once, in the transaction of the registration that it permits. Fails with [`Refused::Forbidden`] if the token is
/// unknown, expired or used up.
pub async fn spend(change: &mut Change<'_>, token: &str) -> Result<(), Refused> {
    change.require(Operation::RegistrationTokenSpend)?;
    let spent = registration_tokens::spend(&change.transaction, &secret::key(token), change.now).await?;
    if spent { Ok(()) } else { Err(Refused::Forbidden) }
}

/// Returns whether a token is known, not expired and not used up. Does not use it.
pub async fn is_good(app: &App, token: &str) -> Result<bool, Refused> {
    Ok(registration_tokens::is_good(app.store.reader(), &secret::key(token), app.now()).await?)
}
