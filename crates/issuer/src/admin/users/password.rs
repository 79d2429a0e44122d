//! The passwords of users.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::accounts::methods::{hashes::StoredHash, password};
use crate::accounts::{policy, session};
use crate::admin::users::{Ended, MethodView, UserRecord, UserView};
use crate::admin::{Change, Operation, Refused};
use crate::app::App;
use crate::audit::{Action, Object};
use crate::clock::{UnixSeconds, rfc3339_or_none};
use crate::store::devices;
use crate::store::users::{self, UserRow};

/// How a password came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// The user or an administrator chose it.
    Chosen,
    /// The issuer generated it, so that the user must choose their own.
    Generated,
    /// Its hash was taken from another system.
    Imported,
}

/// A password as it was given for a user.
pub enum GivenPassword {
    /// The password itself.
    Plain(SecretString),
    /// Its hash of this or another system, as it is: a text, or an object as Keycloak exports it.
    Hash(Value),
}

/// A password that may be set.
pub struct GoodPassword(Good);

enum Good {
    Plain(SecretString),
    Hash(PasswordHash),
}

impl GivenPassword {
    /// Checks the password of a user whose username, email address and name are `about`, without the work of hashing it.
    pub async fn check(self, app: &App, about: &[&str]) -> Result<GoodPassword, Refused> {
        let good = match self {
            Self::Plain(password) => {
                let refused = |error: policy::PolicyError| Refused::invalid("password", error.to_string());
                policy::check_form(password.expose_secret()).map_err(refused)?;
                policy::check_score(app, &password, about).await?.map_err(refused)?;
                Good::Plain(password)
            }
            Self::Hash(hash) => Good::Hash(PasswordHash::imported(&hash)?),
        };
        Ok(GoodPassword(good))
    }
}

impl GoodPassword {
    /// Hashes the password, unless it was given as a hash.
    pub async fn hash(self, app: &App) -> Result<PasswordHash, Refused> {
        match self.0 {
            Good::Plain(password) => Ok(PasswordHash { phc: password::hash(app, password).await?, origin: Origin::Chosen }),
            Good::Hash(hash) => Ok(hash),
        }
    }
}

/// The hash of a password, ready to be stored.
#[derive(Debug)]
pub struct PasswordHash {
    pub(super) phc: String,
    origin: Origin,
}

impl PasswordHash {
    /// Checks and hashes a password that was chosen for a user whose username, email address and name are `about`.
    pub async fn chosen(app: &App, password: SecretString, about: &[&str]) -> Result<Self, Refused> {
        GivenPassword::Plain(password).check(app, about).await?.hash(app).await
    }

    /// Hashes a random password that the user must replace.
    pub async fn generated(app: &App, password: SecretString) -> Result<Self, Refused> {
        Ok(Self { phc: password::hash(app, password).await?, origin: Origin::Generated })
    }

    /// Takes the hash of this or another system as it is: a text, or an object as Keycloak exports it. Fails if the hash cannot be used.
    pub fn imported(hash: &Value) -> Result<Self, Refused> {
        let phc = StoredHash::import(hash).map_err(|error| Refused::invalid("password_hash", error.to_string()))?;
        Ok(Self { phc, origin: Origin::Imported })
    }

    /// The time at which the password was generated, which is `now`; `None` if it was not generated.
    pub(super) fn generated_at(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        (self.origin == Origin::Generated).then_some(now)
    }

    pub(super) fn record(&self, now: UnixSeconds) -> PasswordRecord {
        PasswordRecord { origin: Some(self.origin), since: Some(now) }
    }
}

/// The audit trail's record of a password, without its hash.
#[derive(Serialize)]
pub(super) struct PasswordRecord {
    /// `None` if the password was chosen or imported, between which the stored user does not distinguish.
    origin: Option<Origin>,
    /// The time at which the password was set.
    #[serde(serialize_with = "rfc3339_or_none")]
    since: Option<UnixSeconds>,
}

impl PasswordRecord {
    fn stored(row: &UserRow) -> Option<Self> {
        row.password_hash.as_ref()?;
        Some(Self { origin: row.password_generated_at.map(|_| Origin::Generated), since: row.password_set_at })
    }
}

/// Sets a user's password, signs the user out everywhere, and ends all their authorizations.
pub async fn set_password(change: &mut Change<'_>, id: Uuid, password: PasswordHash) -> Result<Ended, Refused> {
    change.require(Operation::UserSetPassword)?;
    let db = &change.transaction;
    let row = users::lock(db, id).await?.ok_or_else(|| Refused::not_found("user", id))?;
    // Whoever sets the password of an administrator can act as one.
    change.require_grant_to(&[id]).await?;
    let old = PasswordRecord::stored(&row);
    let user = UserView::read(db, row, change.now).await?;
    let generated_at = password.generated_at(change.now);
    users::set_password_hash(db, id, &password.phc, generated_at, change.now).await?;
    // End the sessions too, because somebody who knew the old password may be signed in.
    let ended = session::end_all(db, id, change.actor, Action::UserPasswordSet.name(), change.now).await?;
    devices::forget(db, id, None).await?;
    let before = UserRecord { user: &user, password: old, ended: None };
    let methods = vec![MethodView::password(&password.phc, Some(change.now), generated_at.is_some())];
    let user = UserView { methods, ..user.clone() };
    let after = UserRecord { user: &user, password: Some(password.record(change.now)), ended: Some(ended) };
    change.record(Action::UserPasswordSet, Object::User(user.id, &user.username), Some(&before), Some(&after)).await?;
    Ok(Ended { user, ended })
}
