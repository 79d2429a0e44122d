//! Changes the password of a user who proves that they know the current one.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::password;
use crate::accounts::opaque_string;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session::{self, Kept, SignedIn};
use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::store::users;
use crate::store::{StoreError, commit, devices, password_links};

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
    /// Checks the passwords that the user typed, as far as that costs next to nothing.
    pub fn check(current: SecretString, new: SecretString, repeated: &SecretString) -> Result<Self, PasswordChangeError> {
        if current.expose_secret().is_empty() {
            return Err(PasswordChangeError::CurrentMissing);
        }
        let prepare = |password: &SecretString| opaque_string::prepare(password.expose_secret());
        if prepare(&new) != prepare(repeated) {
            return Err(PasswordChangeError::RepeatedDiffers);
        }
        if prepare(&new) == prepare(&current) {
            return Err(PasswordChangeError::Unchanged);
        }
        policy::check_form(new.expose_secret())?;
        Ok(Self { current, new })
    }

    /// Compares the current password, checks that the new one is hard to guess, and stores it. Ends all sessions, codes and authorizations
    /// of the user, and forgets the devices, except the session and the device in which the change is made and those authorizations of
    /// `kept` that outlive a session. If the password was generated, someone else may have used it, so nothing else is kept then.
    pub async fn perform(
        self,
        app: &App,
        signed_in: &SignedIn,
        request: &RequestInfo,
        guesser: Guesser,
        kept: &[Uuid],
    ) -> Result<(), PasswordChangeError> {
        let SignedIn { session, user, .. } = signed_in;
        let device = guesser.known.clone();
        let actor = Actor::remote(Who::User(user.id), Face::Page, request);
        let checked = sign_in::check(app, &user.username, self.current, guesser, &actor, app.now()).await?;
        let settlement = checked.settlement;
        let about = policy::about(&user.username, user.email.as_deref(), user.name.as_deref());
        if let Err(refused) = policy::check_score(app, &self.new, &about).await.map_err(SignInError::from)? {
            // The current password was right, so the attempt must not count.
            let transaction = app.store.begin().await?;
            settlement.settle(&transaction, &checked.user).await?;
            commit(transaction).await?;
            return Err(refused.into());
        }
        let hash = password::hash(app, self.new).await.map_err(SignInError::from)?;
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
        let device = match &device {
            Some(Known::Device(hash)) => Some(hash.as_str()),
            _ => None,
        };
        password_links::withdraw(&transaction, user.id).await?;
        devices::forget(&transaction, user.id, device).await?;
        audit::record(&transaction, now, &actor, Event::PasswordChanged { user: user.id, ended }).await?;
        Ok(commit(transaction).await?)
    }
}
