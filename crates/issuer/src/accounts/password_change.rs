//! Changes the password of a user who proves that they know the current one.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::methods::password;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session::{self, Kept, SignedIn};
use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::store::users::{self, User};
use crate::store::{StoreError, commit};

/// The passwords that a user typed, after all checks that need no hashing.
#[derive(Debug)]
pub struct PasswordChange {
    current: SecretString,
    new: SecretString,
}

/// The reason why a password was not changed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PasswordChangeError {
    #[error("the current password is missing")]
    CurrentMissing,
    #[error("the two new passwords differ")]
    RepeatedDiffers,
    #[error("the new password is the same as the current one")]
    Unchanged,
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The current password could not be checked, or is wrong ([`SignInError::Wrong`]).
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error("another request changed the password at the same time")]
    Overtaken,
}

impl From<StoreError> for PasswordChangeError {
    fn from(error: StoreError) -> Self {
        Self::SignIn(error.into())
    }
}

impl PasswordChange {
    /// Checks the passwords that `user` typed, as far as that is possible without hashing.
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
        policy::check(new.expose_secret(), &policy::about(&user.username, user.email.as_deref(), user.name.as_deref()))?;
        Ok(Self { current, new })
    }

    /// Compares the current password and stores the new one. Ends all sessions, codes and authorizations of the user, except the
    /// session in which the change is made and those authorizations of `kept` that outlive a session. If the password was generated,
    /// someone else may have used it, so nothing else is kept then.
    pub async fn perform(self, app: &App, signed_in: &SignedIn, request: &RequestInfo, kept: &[Uuid]) -> Result<(), PasswordChangeError> {
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
        let authorizations = if checked.user.password_generated_at.is_some() { &[] } else { kept };
        let kept = Kept { sid: &session.sid, authorizations };
        let ended = session::end_elsewhere(&transaction, user.id, kept, &actor, "password change", now).await?;
        audit::record(&transaction, now, &actor, Event::PasswordChanged { user: user.id, ended }).await?;
        Ok(commit(transaction).await?)
    }
}
