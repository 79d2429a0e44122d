//! What must happen before an authorization request can be answered (OpenID Connect Core §3.1.2.3 and §3.1.2.4). One
//! function decides, whoever asks and however often: no page can be skipped, and none comes twice.

use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::endpoints::authorize::pending::{Ask, Pending, Refusal};
use crate::error::{Code, OAuthError};
use crate::grants::{Grant, target};
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::redirect_uri;
use crate::oauth::scope::ScopeSet;
use crate::store::clients::Client;
use crate::store::consents;
use crate::store::resources::Resource;
use crate::store::users::User;
use crate::tokens::audience::audience;
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::user_claims;

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// The person signs in.
    SignIn,
    /// The person says which account.
    SelectAccount,
    /// The person chooses a password of their own.
    ChangePassword,
    /// The person is asked for consent.
    Consent(Wanted),
    /// The client is refused.
    Refuse(Refusal),
    /// The client gets a code.
    Grant(Wanted),
}

/// What the client would get of this user.
#[derive(Debug)]
pub struct Wanted {
    /// Its scopes.
    pub granted: ScopeSet,
    /// What a person must have allowed for that: the scopes, and those of claims that are asked for one by one.
    pub to_consent: ScopeSet,
    /// What the person had allowed before.
    pub consented: ScopeSet,
}

/// Decides what comes next for `pending`.
pub async fn next(app: &App, client: &Client, pending: &Pending, signed_in: Option<&SignedIn>) -> Result<Next, OAuthError> {
    let request = match &pending.ask {
        Ask::Request(request) => request,
        Ask::Refusal(refusal) => return Ok(signed_in.map_or(Next::SignIn, |_| Next::Refuse(refusal.clone()))),
    };
    let silent = request.prompt.none;
    let refuse = |code: Code, description: &str| Ok(Next::Refuse(Refusal::from(&OAuthError::new(code, description))));
    let sign_in = || if silent { refuse(Code::LoginRequired, "the person must sign in") } else { Ok(Next::SignIn) };

    let Some(SignedIn { session, user }) = signed_in else { return sign_in() };
    let for_this = pending.signed_in.as_ref() == Some(&session.sid);
    let is_stale = request.max_age.is_some_and(|seconds| seconds == 0 || app.now() - session.auth_time > seconds);
    if (pending.sign_in_due || is_stale) && !for_this {
        return sign_in();
    }
    if pending.hinted_user.is_some_and(|hinted| hinted != user.id) {
        return if for_this { refuse(Code::LoginRequired, "another person signed in than the one who was asked for") } else { sign_in() };
    }
    if pending.choice_due {
        return Ok(Next::SelectAccount);
    }
    if user.password_generated_at.is_some() {
        return if silent { refuse(Code::InteractionRequired, "the person must choose a password") } else { Ok(Next::ChangePassword) };
    }
    let wanted = match wanted(app, client, request, user).await {
        Ok(wanted) => wanted,
        Err(error) if error.source.is_none() => return Ok(Next::Refuse(Refusal::from(&error))),
        Err(error) => return Err(error),
    };
    let agreed = pending.consented_by == Some(user.id);
    if agreed || !needs_consent(client, pending, request, &wanted) {
        return Ok(Next::Grant(wanted));
    }
    if silent { refuse(Code::ConsentRequired, "the person must consent") } else { Ok(Next::Consent(wanted)) }
}

fn needs_consent(client: &Client, pending: &Pending, request: &AuthorizationRequest, wanted: &Wanted) -> bool {
    let asked_for = request.prompt.consent;
    // A program on the same device may pretend to be this client, so an earlier consent says nothing (RFC 8252 §8.6).
    let unproven = client.public && !redirect_uri::proves_identity(&pending.reply.redirect_uri);
    asked_for || unproven || !client.first_party && !wanted.to_consent.is_subset(&wanted.consented)
}

/// What `request` comes to for this user.
async fn wanted(app: &App, client: &Client, request: &AuthorizationRequest, user: &User) -> Result<Wanted, OAuthError> {
    let mut resources: Vec<Resource> = Vec::new();
    for identifier in &request.resources {
        resources.push(target(app, client, identifier).await?);
    }
    let asked = request.asked_scope()?;
    let wanted = asked.clone().unwrap_or_else(|| default_scopes(client, resources.first()));
    let consented = consents::scopes(app.store.reader(), user.id, &client.id).await?;
    let may_stay = may_outlive_session(client, request, &consented);
    let granted = narrow(&wanted, client, Some(user)).filtered(|scope| scope != "offline_access" || may_stay);
    if granted.is_empty() {
        return Err(OAuthError::new(Code::InvalidScope, "scope: none of it can be granted"));
    }
    // What has no audience now would have none at the token endpoint.
    audience(None, resources.first(), &granted, client)?;
    let by_claims = user_claims::scopes_of(request.claims.names()).filtered(|scope| client.may_ask(scope));
    let to_consent = granted.iter().chain(by_claims.iter()).collect();
    Ok(Wanted { granted, to_consent, consented })
}

/// Whether `offline_access` may be granted (OpenID Connect Core §11): where the person is asked for it, or was before.
fn may_outlive_session(client: &Client, request: &AuthorizationRequest, consented: &ScopeSet) -> bool {
    let is_asked = request.prompt.consent || !client.first_party && !request.prompt.none;
    client.has_grant(Grant::RefreshToken.name()) && (is_asked || consented.contains("offline_access"))
}
