//! The resource owner password credentials grant (RFC 6749 §4.3): for first-party tools and for curl. OAuth 2.1 drops it;
//! it is open only to clients that are registered for it, and counted against guessing.

use secrecy::{ExposeSecret, SecretString};

use crate::accounts::lockout::{Counters, Verdict};
use crate::accounts::password::{Comparison, StoredHash};
use crate::accounts::{policy, username};
use crate::clock::UnixSeconds;
use crate::error::{Code, OAuthError};
use crate::grants::{Claim, Grant, GrantContext, Granted};
use crate::store::authorizations::AuthorizationRow;
use crate::store::users::{self, User};
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::{Authorization, PASSWORD_ACR, PASSWORD_AMR, Party};

/// Seconds after which a client may try again when all hashing threads are busy.
const BUSY_RETRY: u64 = 1;

pub(super) async fn run(context: GrantContext<'_>) -> Result<Granted, OAuthError> {
    let username = username::normalize(context.required("username")?);
    let password = SecretString::from(context.required("password")?);
    let asked = context.asked_scope()?;
    let resource = context.named_resource().await?;
    // Imported passwords may be shorter than what may be set today.
    if policy::is_too_long(password.expose_secret()) {
        return Err(OAuthError::invalid_grant());
    }

    let counters = Counters::new(&username, context.address);
    let (user, password_hash, rehashed) = sign_in(context, &username, password, &counters).await?;

    let wanted = asked.clone().unwrap_or_else(|| default_scopes(context.client, resource.as_ref()));
    let granted = narrow(&wanted, context.client, Some(&user));
    let row = new_row(context, &user, granted.to_string());
    let authorization = Authorization { party: Party::User(Box::new((user, row))), granted, wanted: asked, resource };
    Ok(Granted { authorization, claim: Claim::SignIn { password_hash, rehashed, counters } })
}

/// The user, if the password is theirs; with the hash that matched and a stronger one where that is due. A missing user
/// costs the same work and gets the same answer.
async fn sign_in(
    context: GrantContext<'_>,
    username: &str,
    password: SecretString,
    counters: &Counters,
) -> Result<(User, String, Option<String>), OAuthError> {
    let GrantContext { app, now, .. } = context;
    if let Verdict::Wait(seconds) = counters.count(&app.store, &app.settings, now).await? {
        return Err(OAuthError::new(Code::TooManyAttempts(seconds), format!("too many attempts; try again in {seconds} s")));
    }
    let user = users::by_username(app.store.reader(), username).await?;
    let stored = user.as_ref().and_then(|user| user.password_hash.as_deref()).and_then(|phc| StoredHash::parse(phc).ok());
    let compared = app.hasher.compare(password, stored).await;
    match (compared, user) {
        (Ok(Comparison::Same { rehashed }), Some(user)) => {
            let password_hash = user.password_hash.clone().unwrap_or_default();
            Ok((user, password_hash, rehashed))
        }
        (Ok(_), _) => Err(OAuthError::invalid_grant()),
        (Err(_), _) => {
            // Nothing was compared, so it was no guess.
            counters.withdraw(&app.store).await?;
            Err(OAuthError::new(Code::Busy(BUSY_RETRY), "too many sign-ins at once; try again"))
        }
    }
}

fn new_row(context: GrantContext<'_>, user: &User, scope: String) -> AuthorizationRow {
    let GrantContext { app, client, now, .. } = context;
    let refreshable = client.has_grant(Grant::RefreshToken.name());
    let lifetime: UnixSeconds = if refreshable { app.settings.refresh_absolute_lifetime } else { crate::config::MAX_TOKEN_LIFETIME };
    AuthorizationRow {
        id: app.clock.ordered_uuid(),
        user_id: user.id,
        client_id: client.id.clone(),
        scope,
        refreshable,
        salt: app.clock.random_bytes::<16>().to_vec(),
        key_version: app.master.current(),
        generation: 0,
        created_at: now,
        refreshed_at: now,
        expires_at: now + lifetime,
        auth_time: now,
        acr: PASSWORD_ACR.to_owned(),
        amr: PASSWORD_AMR.to_owned(),
        sid: None,
        ended_at: None,
    }
}
