//! The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2).

use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::UnixSeconds;
use crate::grants::GrantContext;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::{self, Advance, AuthorizationRow};
use crate::store::commit;
use crate::tokens::narrow::narrow;
use crate::tokens::refresh::{self, RefreshToken};
use crate::tokens::{Authorization, Party, is_alive};

/// The authorization advances by one generation.
#[derive(Debug)]
pub enum Redemption {
    /// The generation that is spent is the latest: advance from it.
    Advance {
        /// The generation that is spent.
        from: i32,
    },
    /// The generation that is spent was advanced a moment ago: its successor is given again, and nothing is written.
    Standing,
}

pub(super) async fn run(context: GrantContext<'_>) -> Result<(Authorization, Redemption), OAuthError> {
    let GrantContext { app, client, now, .. } = context;
    let token = RefreshToken::parse(context.required("refresh_token")?).ok_or_else(OAuthError::invalid_grant)?;
    let found = app.store.authorization(token.authorization).await?;
    let Some((mut row, user)) = found else { return Err(OAuthError::invalid_grant()) };
    // A forged token, or one of another client, is refused and ends nothing.
    let usable = row.refreshable && row.is_live(now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    if !token.is_genuine(&row, usable, &app.master).map_err(OAuthError::server_error)? || row.client_id != client.id || !usable {
        return Err(OAuthError::invalid_grant());
    }
    let redemption = match row.generation - token.generation {
        0 => Redemption::Advance { from: token.generation },
        1 if within_grace(&row, now) => Redemption::Standing,
        behind => return refuse_replay(context, &row, behind).await,
    };
    row.generation = token.generation + 1;

    let held = ScopeSet::parse(&row.scope).map_err(OAuthError::server_error)?;
    let requested_scope = context.requested_scope()?;
    if requested_scope.as_ref().is_some_and(|requested| !requested.is_subset(&held)) {
        return Err(OAuthError::new(Code::InvalidScope, "scope: it goes beyond what was granted"));
    }
    // Roles and clients may have changed since: scopes that may no longer be held are dropped.
    let granted = narrow(&held, client, Some(&user));
    if granted.is_empty() && !held.is_empty() {
        return Err(OAuthError::new(Code::InvalidScope, "scope: nothing of what was granted may be held any more"));
    }
    let resource = context.authorized_resource(&row.resources).await?;
    let party = Party::User(Box::new((user, row)));
    Ok((Authorization { party, granted, requested_scope, resource, nonce: None }, redemption))
}

impl Redemption {
    pub(super) async fn settle(self, context: GrantContext<'_>, authorization: &Authorization) -> Result<(), OAuthError> {
        let GrantContext { app, now, .. } = context;
        let Some((_, row)) = authorization.user() else { return Err(OAuthError::invalid_grant()) };
        let advanced = match self {
            // A single statement is a transaction of its own.
            Self::Advance { from } => app.store.advance(Advance { id: row.id, from, now }).await?,
            Self::Standing => false,
        };
        // A request that was not the first gets what the first one got.
        if advanced || is_standing(app, row.id, row.generation, now).await? { Ok(()) } else { Err(OAuthError::invalid_grant()) }
    }
}

/// Whether `generation` is the latest, was given within the grace period, and everyone involved may still act.
async fn is_standing(app: &App, id: Uuid, generation: i32, now: UnixSeconds) -> Result<bool, OAuthError> {
    // Read through the writer: a reader might see the state before a revocation that was answered already.
    let parties = authorizations::with_parties(app.store.writer(), id).await?;
    Ok(parties
        .is_some_and(|(row, user, client)| row.generation == generation && within_grace(&row, now) && is_alive(&row, &user, &client, now)))
}

/// Whether the latest generation was given within the grace period.
fn within_grace(row: &AuthorizationRow, now: UnixSeconds) -> bool {
    (now - row.refreshed_at).max(0) < refresh::GRACE
}

/// An older generation is a stolen token or its owner after the thief: the authorization ends. One that the database
/// has not given yet comes from before a restored backup: it ends nothing. Both are noted, in a transaction of their own.
async fn refuse_replay(context: GrantContext<'_>, row: &AuthorizationRow, behind: i32) -> Result<(Authorization, Redemption), OAuthError> {
    let GrantContext { app, now, .. } = context;
    let (user, client, authorization) = (row.user_id, row.client_id.as_str(), row.id);
    let transaction = app.store.begin().await?;
    let ended = behind > 0 && authorizations::end(&transaction, authorization, now).await?;
    if behind < 0 {
        audit::record(&transaction, now, &context.actor(), Event::RefreshTokenFromTheFuture { user, client, authorization }).await?;
    } else if ended {
        audit::record(&transaction, now, &context.actor(), Event::RefreshTokenReused { user, client, authorization }).await?;
    }
    commit(transaction).await?;
    if ended {
        tracing::warn!(%authorization, client, "a spent refresh token was used again; its authorization is ended");
    }
    Err(OAuthError::invalid_grant())
}
