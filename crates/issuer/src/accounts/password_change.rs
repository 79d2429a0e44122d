//! How a user replaces their password: by proving that they know the current one.

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::methods::password;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session::{self, SignedIn};
use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::store::users::{self, User};
use crate::store::{StoreError, commit};

/// The passwords that a user typed, as far as they can be judged without hashing.
#[derive(Debug)]
pub struct PasswordChange {
    current: SecretString,
    new: SecretString,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The current password was left out.
    #[error("the current password is missing")]
    CurrentMissing,
    /// The new password was repeated differently.
    #[error("the two new passwords differ")]
    RepeatedDiffers,
    /// The new password is the current one.
    #[error("the new password is the current one")]
    Unchanged,
    /// The new password may not be set.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The current password was not proven; [`SignInError::Wrong`] if it is another one.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The password was changed by another request meanwhile.
    #[error("the password was changed somewhere else meanwhile")]
    Overtaken,
}

impl From<StoreError> for PasswordChangeError {
    fn from(error: StoreError) -> Self {
        Self::SignIn(error.into())
    }
}

impl PasswordChange {
    /// Checks the passwords that `user` typed.
    pub fn check(user: &User, current: SecretString, new: SecretString, repeated: &SecretString) -> Result<Self, PasswordChangeError> {
        if current.expose_secret().is_empty() {
            return Err(PasswordChangeError::CurrentMissing);
        }
        if new.expose_secret() != repeated.expose_secret() {
            return Err(PasswordChangeError::RepeatedDiffers);
        }
        if new.expose_secret() == current.expose_secret() {
            return Err(PasswordChangeError::Unchanged);
        }
        let about: Vec<&str> = [Some(user.username.as_str()), user.email.as_deref(), user.name.as_deref()].into_iter().flatten().collect();
        policy::check(new.expose_secret(), &about)?;
        Ok(Self { current, new })
    }

    /// Compares the current password and stores the new one. With `end_others` all sessions and authorizations end but those
    /// of the session in which the change is made.
    pub async fn perform(
        self,
        app: &App,
        signed_in: &SignedIn,
        request: &RequestInfo,
        end_others: bool,
    ) -> Result<(), PasswordChangeError> {
        let SignedIn { session, user, .. } = signed_in;
        let checked = sign_in::check(app, &user.username, self.current, request.address, app.now()).await?;
        let hash = password::hash(app, self.new).await.map_err(SignInError::from)?;
        let settlement = checked.settlement;
        let now = app.now();
        let actor = Actor::remote(Who::User(user.id), Face::Page, request);
        let transaction = app.store.begin().await?;
        settlement.settle(&transaction, &checked.user).await?;
        if !users::change_password(&transaction, user.id, settlement.stored_hash(), &hash, now).await? {
            return Err(PasswordChangeError::Overtaken);
        }
        if end_others {
            session::end_elsewhere(&transaction, user.id, &session.sid, &actor, "password change", now).await?;
        }
        audit::record(&transaction, now, &actor, Event::PasswordChanged { user: user.id }).await?;
        Ok(commit(transaction).await?)
    }
}
