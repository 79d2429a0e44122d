//! Changes the password of a user who proves that they know the current one.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::accounts::browsers::{self, BrowserCookie, ThisBrowser};
use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::password;
use crate::accounts::policy::{self, PolicyError};
use crate::accounts::session::{self, Kept, SignedIn};
use crate::accounts::sign_in::{self, Checked, SignInError};
use crate::app::App;
use crate::audit::{self, Actor, Event, Face, RequestInfo, Who};
use crate::oauth::error::OAuthError;
use crate::store::browsers as stored;
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
    #[error("new_password: expected {0}")]
    Policy(#[from] PolicyError),
    /// The current password could not be checked, or is wrong ([`SignInError::Wrong`]).
    #[error(transparent)]
    SignIn(#[from] SignInError),
    #[error("somebody changed it to another one a moment ago, perhaps you in another tab; sign in with that one")]
    Overtaken,
}

impl From<PasswordChangeError> for OAuthError {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::SignIn(error) => error.into(),
            error => Self::invalid_request(error.to_string()),
        }
    }
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
        if policy::is_too_long(new.expose_secret()) {
            return Err(PolicyError::Length.into());
        }
        let is_new = |password: &SecretString| policy::are_same(new.expose_secret(), password.expose_secret());
        if !is_new(repeated) {
            return Err(PasswordChangeError::RepeatedDiffers);
        }
        if is_new(&current) {
            return Err(PasswordChangeError::Unchanged);
        }
        policy::check_form(new.expose_secret())?;
        Ok(Self { current, new })
    }

    /// Compares the current password, checks that the new one is hard to guess, and stores it. Ends all sessions, codes and authorizations
    /// of the user, and forgets the devices, except the session and the device in which the change is made and those authorizations of
    /// `kept` that outlive a session. If the password was generated, none of `kept` is spared, because someone else may have used it. If the
    /// same form has just made the same change, as a second click sends it, nothing is done. Returns the cookie that the browser has from now
    /// on; `None` if it keeps the one that it has.
    pub async fn perform(
        self,
        app: &App,
        signed_in: &SignedIn,
        request: &RequestInfo,
        guesser: Guesser,
        sent: SentForm<'_>,
        kept: &[Uuid],
    ) -> Result<Option<BrowserCookie>, PasswordChangeError> {
        let SignedIn { session, user, .. } = signed_in;
        let device = guesser.known.clone();
        let actor = Actor::remote(Who::User(user.id), Face::Page, request);
        let checked = match sign_in::check(app, &user.username, self.current, guesser.clone(), &actor, app.now()).await {
            Err(SignInError::Wrong) if sent.has_changed_the_password(app).await? => {
                return repeat(app, user, self.new, guesser, request, sent, SignInError::Wrong.into()).await;
            }
            checked => checked?,
        };
        let settlement = checked.settlement;
        let about = policy::about(&user.username, user.email.as_deref(), user.name.as_deref());
        if let Err(refused) = policy::check_score(app, &self.new, &about).await.map_err(SignInError::from)? {
            settlement.settle_alone(app, &checked.user).await?;
            return Err(refused.into());
        }
        let hash = password::hash(app, self.new.clone()).await.map_err(SignInError::from)?;
        let now = app.now();
        let transaction = app.store.begin().await?;
        settlement.reset(&transaction).await?;
        let row = stored::lock(&transaction, &sent.browser.key).await?.filter(|row| row.sid == session.sid);
        settlement.strengthen(&transaction, &checked.user).await?;
        if !users::change_password(&transaction, user.id, settlement.stored_hash(), &hash, now).await? {
            drop(transaction);
            return repeat(app, user, self.new, guesser, request, sent, PasswordChangeError::Overtaken).await;
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
        let cookie = match row {
            Some(row) => Some(browsers::spend(app, &transaction, row, sent.csrf).await?),
            None => None,
        };
        commit(transaction).await?;
        Ok(cookie)
    }
}

/// The form on which a password was typed.
#[derive(Debug, Clone, Copy)]
pub struct SentForm<'a> {
    /// The browser that sent it.
    pub browser: &'a ThisBrowser,
    /// The CSRF token in it, by which a second click on the same form is known.
    pub csrf: &'a str,
}

impl SentForm<'_> {
    /// Returns `true` if an earlier click on this form has changed the password.
    pub async fn has_changed_the_password(self, app: &App) -> Result<bool, StoreError> {
        let row = stored::find(app.store.writer(), &self.browser.key).await?;
        Ok(row.is_some_and(|row| !self.csrf.is_empty() && row.spent_csrf == self.csrf))
    }
}

/// Answers a form of which an earlier click has changed the password to `new`, with the cookie that came of that click. Fails with `otherwise` if
/// no click on this form has.
async fn repeat(
    app: &App,
    user: &User,
    new: SecretString,
    guesser: Guesser,
    request: &RequestInfo,
    sent: SentForm<'_>,
    otherwise: PasswordChangeError,
) -> Result<Option<BrowserCookie>, PasswordChangeError> {
    if !sent.has_changed_the_password(app).await? {
        return Err(otherwise);
    }
    match made_before(app, &user.username, new, guesser, request).await {
        Ok(Checked { user, settlement, .. }) => settlement.settle_alone(app, &user).await?,
        Err(SignInError::Wrong) => return Err(otherwise),
        Err(error) => return Err(error.into()),
    }
    match stored::find(app.store.writer(), &sent.browser.key).await? {
        Some(row) => Ok(browsers::current(app, &row)?),
        None => Ok(None),
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
