//! What must still hold, and be written, when a grant's tokens are already signed: one short transaction.

use uuid::Uuid;

use crate::accounts::sign_in::Settlement;
use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::UnixSeconds;
use crate::oauth::error::OAuthError;
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::{self, Advance, AuthorizationRow};
use crate::store::{ConnectionTrait, codes, commit, consents};
use crate::tokens::{Authorization, Party, is_alive, refresh};

/// What the transaction must claim.
#[derive(Debug)]
pub enum Claim {
    /// Nothing: the client acts for itself, as it was read a moment ago.
    Nothing,
    /// A new authorization, if the password was not changed while it was compared.
    SignIn {
        /// What the comparison leaves to be written.
        settlement: Settlement,
    },
    /// A new authorization, if the code is not spent yet.
    Code {
        /// Its hash.
        hash: String,
        /// What the user must still allow the client; nothing of the issuer's own.
        consented: Option<ScopeSet>,
    },
    /// The next generation of an authorization, after `from`.
    Advance {
        /// The generation that is spent.
        from: i32,
    },
    /// An authorization whose generation was advanced a moment ago.
    Standing,
}

impl Claim {
    /// Claims, or refuses the tokens. Nothing is written unless all of it is.
    pub async fn settle(self, app: &App, authorization: &Authorization, grant: &str, now: UnixSeconds) -> Result<(), OAuthError> {
        let Party::User(user) = &authorization.party else { return Ok(()) };
        let row = &user.1;
        let holds = match self {
            Self::Nothing => true,
            Self::SignIn { settlement } => {
                let transaction = app.store.begin().await?;
                // First, because it may renew the user's hash: everybody takes counters, then users, then what is theirs.
                settlement.settle(&transaction, &user.0).await?;
                if !authorizations::insert(&transaction, row, user.0.credential_version).await? {
                    return Err(OAuthError::invalid_grant());
                }
                record_given(&transaction, row, grant, now).await?;
                commit(transaction).await?;
                true
            }
            Self::Code { hash, consented } => {
                let transaction = app.store.begin().await?;
                // Everybody takes users and clients first, then consents, then codes: so nobody waits for each other.
                authorizations::hold_parties(&transaction, row.user_id, &row.client_id).await?;
                // A consent that is being withdrawn ends either here or with what is given here.
                if let Some(scope) = &consented
                    && !consents::holds(&transaction, row.user_id, &row.client_id, scope).await?
                {
                    return Err(OAuthError::invalid_grant());
                }
                let first = codes::spend(&transaction, &hash, now).await?;
                if first && !authorizations::insert(&transaction, row, user.0.credential_version).await? {
                    return Err(OAuthError::invalid_grant());
                }
                if first {
                    record_given(&transaction, row, grant, now).await?;
                    commit(transaction).await?;
                } else {
                    drop(transaction);
                    end_replayed(app, row, now).await?;
                }
                first
            }
            // A single statement is a transaction of its own. Who was not first gets what the first one got.
            Self::Advance { from } => {
                app.store.advance(Advance { id: row.id, from, now }).await? || is_standing(app, row.id, row.generation, now).await?
            }
            Self::Standing => is_standing(app, row.id, row.generation, now).await?,
        };
        if holds { Ok(()) } else { Err(OAuthError::invalid_grant()) }
    }
}

async fn record_given(db: &impl ConnectionTrait, row: &AuthorizationRow, grant: &str, now: UnixSeconds) -> Result<(), OAuthError> {
    let event = Event::AuthorizationGiven { user: row.user_id, client: &row.client_id, authorization: row.id, grant };
    Ok(audit::record(db, now, event).await?)
}

/// Ends what a code gave that now came a second time, by its rightful client or by who stole it from there.
pub async fn end_replayed(app: &App, row: &AuthorizationRow, now: UnixSeconds) -> Result<(), OAuthError> {
    let transaction = app.store.begin().await?;
    let ended = authorizations::end(&transaction, row.id, now).await?;
    if ended {
        let event = Event::CodeReplayed { user: row.user_id, client: &row.client_id, authorization: row.id };
        audit::record(&transaction, now, event).await?;
    }
    commit(transaction).await?;
    if ended {
        tracing::warn!(authorization = %row.id, client = row.client_id, "a spent code was used again; its authorization is ended");
    }
    Ok(())
}

/// Whether `generation` is the latest, was given within the grace period, and everyone involved may still act.
async fn is_standing(app: &App, id: Uuid, generation: i32, now: UnixSeconds) -> Result<bool, OAuthError> {
    // Read where it is written: a reader might see the state before a revocation that was answered already.
    let parties = authorizations::with_parties(app.store.writer(), id).await?;
    Ok(parties
        .is_some_and(|(row, user, client)| row.generation == generation && within_grace(&row, now) && is_alive(&row, &user, &client, now)))
}

/// Whether the latest generation was given within the grace period.
pub fn within_grace(row: &AuthorizationRow, now: UnixSeconds) -> bool {
    (now - row.refreshed_at).max(0) < refresh::GRACE
}
