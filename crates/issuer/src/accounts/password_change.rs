//! Changes the password of a user who proves that they know the current one.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::password;
use crate::accounts::opaque_string;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session::{self, Kept, SignedIn};
use crate::accounts::sign_in::{self, Checked, SignInError};
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::clock::UnixSeconds;
use crate::store::users::{self, User};
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
    #[error("somebody changed it to another one a moment ago, perhaps you in another tab; sign in with that one")]
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
    /// `kept` that outlive a session. If the password was generated, none of `kept` is spared, because someone else may have used it. If the
    /// same form has just made the same change, as a second click sends it, nothing is done.
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
        let checked = match sign_in::check(app, &user.username, self.current, guesser.clone(), &actor, app.now()).await {
            Err(SignInError::Wrong) if changed_just_now(app, user.id).await? => {
                let repeated = repeat(app, user, self.new, guesser, request).await?;
                return repeated.ok_or(PasswordChangeError::SignIn(SignInError::Wrong));
            }
            checked => checked?,
        };
        let settlement = checked.settlement;
        let about = policy::about(&user.username, user.email.as_deref(), user.name.as_deref());
        if let Err(refused) = policy::check_score(app, &self.new, &about).await.map_err(SignInError::from)? {
            // The current password was right, so the attempt must not count.
            let transaction = app.store.begin().await?;
            settlement.settle(&transaction, &checked.user).await?;
            commit(transaction).await?;
            return Err(refused.into());
        }
        let hash = password::hash(app, self.new.clone()).await.map_err(SignInError::from)?;
        let now = app.now();
        let actor = Actor::remote(Who::User(user.id), Face::Page, request);
        let transaction = app.store.begin().await?;
        settlement.settle(&transaction, &checked.user).await?;
        if !users::change_password(&transaction, user.id, settlement.stored_hash(), &hash, now).await? {
            drop(transaction);
            return repeat(app, user, self.new, guesser, request).await?.ok_or(PasswordChangeError::Overtaken);
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

/// For how many seconds after a change the same form may be sent once more, and is answered in the same way.
const REPEATABLE: UnixSeconds = 60;

/// Returns `true` if something of `user` was changed so recently that it may have been by an earlier click on the same form.
async fn changed_just_now(app: &App, user: Uuid) -> Result<bool, StoreError> {
    let user = users::by_id(app.store.writer(), user).await?;
    Ok(user.is_some_and(|user| user.updated_at + REPEATABLE > app.now()))
}

/// Returns `None` unless `new` is the password of `user` already, because an earlier click on the same form made the change.
async fn repeat(app: &App, user: &User, new: SecretString, guesser: Guesser, request: &RequestInfo) -> Result<Option<()>, SignInError> {
    match made_before(app, &user.username, new, guesser, request).await {
        Ok(Checked { user, settlement, .. }) => {
            let transaction = app.store.begin().await?;
            settlement.settle(&transaction, &user).await?;
            Ok(Some(commit(transaction).await?))
        }
        Err(SignInError::Wrong) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compares `new`, a password that was typed as the new one of `username`, with the stored one. They are the same if an earlier click on
/// the same form made the change, and then whoever typed it has proved who they are.
pub async fn made_before(
    app: &App,
    username: &str,
    new: SecretString,
    guesser: Guesser,
    request: &RequestInfo,
) -> Result<Checked, SignInError> {
    sign_in::check(app, username, new, guesser, &Actor::remote(Who::Stranger, Face::Page, request), app.now()).await
}
