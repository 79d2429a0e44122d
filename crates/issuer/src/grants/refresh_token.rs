//! The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2).

use crate::audit::{self, Event};
use crate::grants::claim::within_grace;
use crate::grants::{Claim, GrantContext, Granted};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::ScopeSet;
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::commit;
use crate::tokens::narrow::narrow;
use crate::tokens::refresh::RefreshToken;
use crate::tokens::{Authorization, Party};

pub(super) async fn run(context: GrantContext<'_>) -> Result<Granted, OAuthError> {
    let GrantContext { app, client, now, .. } = context;
    let token = RefreshToken::parse(context.required("refresh_token")?).ok_or_else(OAuthError::invalid_grant)?;
    let found = app.store.authorization(token.authorization).await?;
    let Some((user, mut row)) = found.map(|(row, user)| (user, row)) else { return Err(OAuthError::invalid_grant()) };
    // A forged token, or one of another client, is refused and ends nothing.
    let usable = row.refreshable && row.is_live(now) && !row.is_idle(now, app.settings.refresh_idle_lifetime);
    if !token.is_genuine(&row, usable, &app.master).map_err(OAuthError::server_error)? || row.client_id != client.id || !usable {
        return Err(OAuthError::invalid_grant());
    }
    let claim = match row.generation - token.generation {
        0 => Claim::Advance { from: token.generation },
        1 if within_grace(&row, now) => Claim::Standing,
        behind => return refuse_replay(context, &row, behind).await,
    };
    row.generation = token.generation + 1;

    let held = ScopeSet::parse(&row.scope).map_err(OAuthError::server_error)?;
    let wanted = context.asked_scope()?;
    if wanted.as_ref().is_some_and(|wanted| !wanted.is_subset(&held)) {
        return Err(OAuthError::new(Code::InvalidScope, "scope: it goes beyond what was granted"));
    }
    // Roles and clients may have changed since: what may no longer be held is dropped.
    let granted = narrow(&held, client, Some(&user));
    if granted.is_empty() && !held.is_empty() {
        return Err(OAuthError::new(Code::InvalidScope, "scope: nothing of what was granted may be held any more"));
    }
    let (resource, default_resource) = context.resources(&row.resources).await?;
    let party = Party::User(Box::new((user, row)));
    let authorization = Authorization { party, granted, wanted, resource, default_resource, nonce: None };
    Ok(Granted { authorization, claim })
}

/// An older generation is a stolen token or its owner after the thief: the authorization ends. One that the database
/// has not given yet comes from before a restored backup: it ends nothing. Both are noted, in a transaction of their own.
async fn refuse_replay(context: GrantContext<'_>, row: &AuthorizationRow, behind: i32) -> Result<Granted, OAuthError> {
    let GrantContext { app, now, .. } = context;
    let (user, client, authorization) = (row.user_id, row.client_id.as_str(), row.id);
    let transaction = app.store.begin().await?;
    let ended = behind > 0 && authorizations::end(&transaction, authorization, now).await?;
    if behind < 0 {
        audit::record(&transaction, now, Event::RefreshTokenFromTheFuture { user, client, authorization }).await?;
    } else if ended {
        audit::record(&transaction, now, Event::RefreshTokenReused { user, client, authorization }).await?;
    }
    commit(transaction).await?;
    if ended {
        tracing::warn!(%authorization, client, "a spent refresh token was used again; its authorization is ended");
    }
    Err(OAuthError::invalid_grant())
}
