//! The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2).

use crate::audit::{self, Event};
use crate::clock::UnixSeconds;
use crate::grants::{GrantContext, Settled};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::{self, Advance, AuthorizationRow};
use crate::store::commit;
use crate::tokens::refresh::{self, RefreshToken};
use crate::tokens::{Authorization, Party, is_alive};

/// Advances the authorization by one generation, unless another request has just done so.
#[derive(Debug)]
pub enum Redemption {
    /// The token is of the latest generation, which is now spent.
    Advance {
        /// The generation that is spent.
        from: i32,
    },
    /// The generation of the token was spent a moment ago. Its successor is given again, and nothing is written, unless the access token is the
    /// first that carries the present handle.
    Standing,
}

pub(super) async fn run(context: GrantContext<'_>) -> Result<(Authorization, Redemption), OAuthError> {
    let GrantContext { app, client, now, .. } = context;
    let refused = |reason: &str| OAuthError::invalid_grant().because(reason);
    let token =
        RefreshToken::parse(context.required("refresh_token")?).ok_or_else(|| refused("this is no refresh token of this issuer"))?;
    let found = app.store.authorization(token.authorization).await?;
    let Some((mut row, user)) = found else { return Err(refused("the authorization of the refresh token was deleted, or never existed")) };
    // Refuse a forged token, or one of another client, without ending the authorization. Otherwise anybody could end it.
    let usable = row.refreshable && row.is_live(now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    let is_genuine = token.is_genuine(&row, usable, &app.master).map_err(OAuthError::server_error)?;
    match (is_genuine, row.client_id == client.id, usable) {
        (true, true, true) => {}
        (false, ..) => return Err(refused("the refresh token is forged, or was made under another master key")),
        (_, false, _) => return Err(refused("the refresh token belongs to another client")),
        (.., false) => return Err(refused("the authorization has ended, or was not used for too long")),
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
    let granted = context.still_allowed(&held, &user)?;
    let resource = context.authorized_resource(&row).await?;
    let party = Party::User(Box::new((user, row)));
    Ok((Authorization { party, granted, requested_scope, resource, nonce: None }, redemption))
}

impl Redemption {
    pub(super) async fn settle(&self, context: GrantContext<'_>, authorization: &Authorization) -> Result<Settled, OAuthError> {
        let GrantContext { app, client, now, .. } = context;
        let Some((_, row)) = authorization.user() else { return Err(OAuthError::invalid_grant()) };
        if let Self::Advance { from } = *self {
            let (client_grant_id, access_changes) = (client.grant_id.clone(), client.access_changes);
            let grant_id = row.grant_id.clone().unwrap_or_default();
            // A single statement is a transaction of its own.
            if app.store.advance(Advance { id: row.id, from, grant_id, client_grant_id, access_changes, now }).await? {
                return Ok(Settled::Done);
            }
        }
        match standing(context, row).await? {
            Some(settled) => Ok(settled),
            None => Err(OAuthError::invalid_grant().because("the authorization ended, or its refresh token was spent, at the same moment")),
        }
    }
}

/// Returns [`Settled::Done`] if the authorization is alive, and the generation of `given` is the latest and was given within the grace period: a
/// parallel request was first, and this one gets the same refresh token. `None` if that does not hold.
async fn standing(context: GrantContext<'_>, given: &AuthorizationRow) -> Result<Option<Settled>, OAuthError> {
    let GrantContext { app, client: own, now, .. } = context;
    // Read through the writer, because a reader might still see the state before a revocation that was already answered.
    let parties = authorizations::with_parties(app.store.writer(), given.id).await?;
    let Some((row, _, client)) = parties.filter(|(row, user, client)| is_alive(row, user, client, now)) else { return Ok(None) };
    // The access token carries the handle that was read, so what was taken from the user before now may still be in it.
    let is_narrowed = client.grant_id != own.grant_id || client.access_changes != own.access_changes || row.grant_id != given.grant_id;
    if is_narrowed {
        return Ok(Some(Settled::Narrowed));
    }
    if row.generation != given.generation || !within_grace(&row, now) {
        return Ok(None);
    }
    if !row.grant_id_used && !authorizations::note_use(app.store.writer(), row.id, row.grant_id.as_deref().unwrap_or_default()).await? {
        return Ok(Some(Settled::Narrowed));
    }
    Ok(Some(Settled::Done))
}

/// Returns whether the latest generation was given within the grace period.
fn within_grace(row: &AuthorizationRow, now: UnixSeconds) -> bool {
    (now - row.refreshed_at).max(0) < refresh::GRACE
}

/// Refuses a token of another generation. An older one means that the token was stolen, so the authorization is ended. A newer one
/// was issued before a backup of the database was restored, so nothing is ended. Both are recorded, in a transaction of their own.
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
        tracing::warn!(%authorization, client, "a spent refresh token was used again; its authorization was ended");
    }
    Err(OAuthError::invalid_grant().because(if behind > 0 {
        "the refresh token was spent long before, so its authorization is ended"
    } else {
        "the refresh token is newer than the database, which was probably restored from a backup"
    }))
}
