//! The authorization code grant (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3, RFC 7636 §4.6).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::accounts::requirement::Proven;
use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::audit::{self, Event};
use crate::clock::UnixSeconds;
use crate::grants::{Grant, GrantContext, Settled, changed_meanwhile, insert, new_row};
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::pkce;
use crate::oauth::scope::ScopeSet;
use crate::oauth::secret;
use crate::store::authorization_codes::{self, CodeInSession, CodeRow, SpentCode};
use crate::store::authorizations::{self, AuthorizationRow};
use crate::store::clients::Client;
use crate::store::consents::{self, Allowed};
use crate::store::waiting_requests::{self, Answer};
use crate::store::{commit, roll_back};
use crate::tokens::{Authorization, Party};

/// The lifetime of a code, in seconds.
const CODE_LIFETIME: UnixSeconds = 60;

/// For how many seconds after the answer to a request the browser that gave it may have the answer again. A browser that is clicked twice
/// drops the first answer, and shows only the second.
pub const REPEATABLE: UnixSeconds = 10;

/// An authorization request that was stored, and is to be answered.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct StoredRequest<'a> {
    pub id: &'a str,
    /// The key of the browser in which the request waits.
    pub browser: &'a str,
}

/// A request for a code that has passed every step of its interaction.
#[derive(Debug, Clone, Copy)]
pub struct CodeRequest<'a> {
    /// The client that gets the code.
    pub client: &'a Client,
    /// The redirect URI to which the code is sent.
    pub redirect_uri: &'a str,
    /// The parameters of the request.
    pub request: &'a AuthorizationRequest,
    /// The user, and the session in which they are signed in.
    pub signed_in: &'a SignedIn,
    /// The proof of who the user is.
    pub proven: &'a Proven,
    /// The scopes of the authorization.
    pub granted: &'a ScopeSet,
    /// The scopes and resources that the user must have allowed.
    pub to_consent: &'a Allowed,
    /// The request that the code answers; `None` if it was never stored.
    pub answers: Option<StoredRequest<'a>>,
}

/// Makes and stores a code, and returns it. Fails with `consent_required` if the user has withdrawn the consent meanwhile.
///
/// A stored request is marked as answered. If it was answered with a code before, at most [`REPEATABLE`] seconds ago, by the same user in the
/// same session, and the client has not redeemed that code, this one takes its place. Otherwise `None` is returned, and nothing changes.
pub async fn give(app: &App, code: CodeRequest<'_>) -> Result<Option<String>, OAuthError> {
    let CodeRequest { client, redirect_uri, request, signed_in: SignedIn { session, user, .. }, proven, granted, to_consent, answers } =
        code;
    if !client.first_party && !consents::find(app.store.writer(), user.id, &client.id).await?.covers(to_consent) {
        return Err(OAuthError::new(Code::ConsentRequired, "the user must consent"));
    }
    // The user was not asked for what is withheld from the client, so a later token must not tell it either.
    let mut claims = request.claims.clone();
    claims.retain(|name| !client.withholds(name));
    let code = BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>());
    let row = CodeRow {
        hash: secret::key(&code),
        authorization_id: app.clock.ordered_uuid(),
        client_id: client.id.clone(),
        user_id: user.id,
        redirect_uri: redirect_uri.to_owned(),
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        scope: granted.to_string(),
        resources: request.resources.join(" "),
        claims: if claims.is_empty() { None } else { serde_json::to_string(&claims).ok() },
        sid: session.sid.clone(),
        auth_time: proven.evidence().auth_time(),
        acr: proven.acr().to_owned(),
        amr: proven.evidence().amr(),
        expires_at: app.now() + CODE_LIFETIME,
        spent_at: None,
    };
    let Some(StoredRequest { id, browser }) = answers else {
        authorization_codes::insert(app.store.writer(), &row).await?;
        return Ok(Some(code));
    };
    let answer = Answer { id, browser, sid: Some(&session.sid), code: Some(&row.hash) };
    let transaction = app.store.begin().await?;
    let earlier = if waiting_requests::take(&transaction, answer, app.now()).await? {
        None
    } else {
        let replaced = waiting_requests::replace_code(&transaction, answer, app.now() - REPEATABLE).await?;
        if replaced.is_none() {
            roll_back(transaction).await?;
            return Ok(None);
        }
        replaced
    };
    // The insertion locks the user before the code that is replaced. The order of locks is stated in store/mod.rs.
    authorization_codes::insert(&transaction, &row).await?;
    if let Some(earlier) = earlier
        && !authorization_codes::recall(&transaction, &earlier, user.id, &session.sid).await?
    {
        roll_back(transaction).await?;
        return Ok(None);
    }
    commit(transaction).await?;
    Ok(Some(code))
}

/// Spends the code and inserts the authorization, both or neither.
#[derive(Debug)]
pub struct Redemption {
    hash: String,
    /// The scopes that the user must still allow the client. `None` for a first-party client, which needs no consent.
    consented: Option<ScopeSet>,
}

pub(super) async fn run(context: GrantContext<'_>) -> Result<(Authorization, Redemption), OAuthError> {
    let GrantContext { app, client, now, .. } = context;
    let refused = |reason: &str| OAuthError::invalid_grant().because(reason);
    let found = authorization_codes::find(app.store.reader(), &secret::key(context.required("code")?)).await?;
    let CodeInSession { code, user, session_expires_at, may_use } = found.ok_or_else(|| refused("there is no such code"))?;
    // Refuse a request that cannot redeem the code, but end nothing. Otherwise an attacker who has only seen the code could end the
    // authorization.
    if code.client_id != client.id {
        return Err(refused("the code was given to another client"));
    }
    if code.redirect_uri != context.required("redirect_uri")? {
        return Err(refused("redirect_uri differs from that of the authorization request"));
    }
    if !proves_possession(&code, context) {
        return Err(refused("code_verifier does not fit the code_challenge of the authorization request, or only one of the two was sent"));
    }
    let held = ScopeSet::parse(&code.scope).map_err(OAuthError::server_error)?;
    let row = AuthorizationRow {
        id: code.authorization_id,
        user_id: code.user_id,
        scope: code.scope,
        offline: held.contains("offline_access"),
        resources: code.resources,
        claims: code.claims,
        auth_time: code.auth_time,
        acr: code.acr,
        amr: code.amr,
        sid: Some(code.sid),
        session_expires_at,
        may_use,
        ..new_row(app, client, now)
    };
    // Check this before the expiry, because a second redemption is a sign of theft even if it comes late.
    if code.spent_at.is_some() {
        end_replayed(context, &row).await?;
        return Err(refused("the code was used before, so its authorization is ended"));
    }
    if code.expires_at <= now || session_expires_at.is_none_or(|until| until <= now) {
        return Err(refused("the code has expired, or the session in which it was given has ended"));
    }
    let granted = context.still_allowed(&held, &user)?;
    let resource = context.authorized_resource(&row).await?;
    let party = Party::User(Box::new((user, row)));
    let authorization = Authorization { party, granted, requested_scope: None, resource, nonce: code.nonce };
    let consented = (!client.first_party).then_some(held);
    Ok((authorization, Redemption { hash: code.hash, consented }))
}

impl Redemption {
    pub(super) async fn settle(&self, context: GrantContext<'_>, authorization: &Authorization) -> Result<Settled, OAuthError> {
        let GrantContext { app, now, .. } = context;
        let Some(parties) = authorization.user() else { return Err(OAuthError::invalid_grant()) };
        let row = &parties.1;
        let transaction = app.store.begin().await?;
        if let Some(scope) = &self.consented {
            // The order of locks is stated in store/mod.rs.
            authorizations::hold_parties(&transaction, row.user_id, &row.client_id).await?;
            // If the user withdraws the consent at the same moment, the withdrawal either comes first and is seen here, or it waits and
            // then ends the authorization that is inserted here.
            if !consents::holds(&transaction, row.user_id, &row.client_id, scope).await? {
                return Err(OAuthError::invalid_grant().because("the user has withdrawn the consent"));
            }
        }
        let sid = row.sid.as_deref().unwrap_or_default();
        let code = SpentCode { hash: &self.hash, user: row.user_id, client: &row.client_id, sid };
        if !authorization_codes::spend(&transaction, &code, now).await? {
            drop(transaction);
            end_replayed(context, row).await?;
            return Err(OAuthError::invalid_grant().because("the code was used before, so its authorization is ended"));
        }
        insert(transaction, context, parties, Grant::AuthorizationCode).await?.ok_or_else(changed_meanwhile)
    }
}

/// Ends the authorization of a code that was used a second time, because one of the two uses may be a thief's (RFC 6749 §4.1.2).
async fn end_replayed(context: GrantContext<'_>, row: &AuthorizationRow) -> Result<(), OAuthError> {
    let GrantContext { app, now, .. } = context;
    let transaction = app.store.begin().await?;
    let ended = authorizations::end(&transaction, row.id, now).await?;
    if ended {
        let event = Event::CodeReplayed { user: row.user_id, client: &row.client_id, authorization: row.id };
        audit::record(&transaction, now, &context.actor(), event).await?;
    }
    commit(transaction).await?;
    if ended {
        tracing::warn!(authorization = %row.id, client = row.client_id, "a spent code was used again; its authorization was ended");
    }
    Ok(())
}

/// Returns whether the request proves that it comes from the client that asked for the code. A verifier must be sent if and only if
/// a challenge was sent, because an attacker may have removed the challenge from the authorization request (RFC 9700 §4.8.2).
fn proves_possession(code: &CodeRow, context: GrantContext<'_>) -> bool {
    match (&code.code_challenge, context.form.get("code_verifier")) {
        (Some(challenge), Some(verifier)) => pkce::verifies(verifier, challenge),
        (None, None) => true,
        _ => false,
    }
}
