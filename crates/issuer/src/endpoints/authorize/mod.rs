//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

pub mod answer;
pub mod interaction;
pub mod pending;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::endpoints::authorize::interaction::{Next, Wanted};
use crate::endpoints::authorize::pending::{Ask, Pending, Refusal};
use crate::endpoints::parameters::RawForm;
use crate::error::{Code, OAuthError, PageError};
use crate::grants::Grant;
use crate::grants::authorization_code::CODE_LIFETIME;
use crate::oauth::authorization_request::{AuthorizationRequest, ReplyTo};
use crate::oauth::form::Form;
use crate::oauth::{redirect_uri, secret};
use crate::pages::browser::{Browser, Waiting};
use crate::pages::form::PageQuery;
use crate::pages::see_other;
use crate::store::clients::Client;
use crate::store::codes::{self, CodeRow};
use crate::store::consents;
use crate::tokens::hint;
use crate::tokens::user_claims::CLAIMS;

/// A request waits for the person this long, in seconds.
pub const PATIENCE: i64 = 3600;
/// The longest query that a request may be turned into, in bytes: what browsers and proxies take as a URL.
const MAX_QUERY: usize = 8 * 1024;

/// `POST /authorize`. The cookie does not come with a form that another site posts, so the browser is sent to ask again
/// with GET, where it does.
pub async fn post(State(app): State<Arc<App>>, form: Result<RawForm, OAuthError>) -> Result<Response, PageError> {
    as_get(&app, "/authorize", &form?)
}

/// Sends the browser to `path` with the parameters of a form in the query.
pub fn as_get(app: &App, path: &str, RawForm(body): &RawForm) -> Result<Response, PageError> {
    let query = std::str::from_utf8(body).map_err(|_| PageError::bad_request("a parameter is not valid UTF-8 text"))?;
    if query.len() > MAX_QUERY {
        return Err(PageError::bad_request("the request is too long"));
    }
    see_other(app, &format!("{path}?{query}"))
}

/// `GET /authorize`
pub async fn get(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    if query.len() > MAX_QUERY {
        return Err(PageError::bad_request("the request is too long"));
    }
    let form = Form::collect(query.as_bytes()).map_err(|error| PageError::bad_request(error.to_string()))?;
    let (client, redirect_uri) = trusted_target(&app, &form).await?;
    let (reply, checked) = ReplyTo::parse(&redirect_uri, &form);
    let request = match checked {
        Ok(()) => read(&app, &client, &form).await,
        Err(error) => Err(error),
    };
    let pending = match request {
        Ok((request, hinted_user)) => begin(&app, &client, reply, request, hinted_user)?,
        Err(error) => {
            error.log();
            let refusal = Refusal::from(&error);
            // Silence is kept, and clients that an administrator registered are trusted.
            if !client.dynamic || form.get("prompt") == Some("none") {
                return answer::refusal(&app, &reply, &refusal);
            }
            new_pending(&app, &client, reply, Ask::Refusal(refusal))
        }
    };
    advance(&app, &browser, &client, None, pending).await
}

/// `GET /authorize/resume?request=…`: goes on with a request when the person has done what was due.
pub async fn resume(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let id = query.request()?;
    let (client, waiting) = waiting(&app, &browser, id).await?;
    let pending = waiting.pending.clone();
    advance(&app, &browser, &client, Some(&waiting), pending).await
}

/// Sends the browser to go on with the request `id`.
pub fn go_on(app: &App, id: &str) -> Result<Response, PageError> {
    see_other(app, &format!("/authorize/resume?request={}", encoded(id)))
}

/// The request `id` that waits in this browser, with its client.
pub async fn waiting(app: &App, browser: &Browser, id: &str) -> Result<(Client, Waiting), PageError> {
    let waiting = browser.waiting(id).await?.ok_or_else(PageError::expired)?;
    let client = app.store.client(&waiting.pending.client_id).await?.filter(|client| client.enabled);
    if waiting.pending.created_at + PATIENCE <= app.now() {
        browser.take(&waiting).await?;
        return Err(PageError::expired());
    }
    Ok((client.ok_or_else(PageError::expired)?, waiting))
}

/// The client and its redirect URI. Where either is wrong the browser is sent nowhere (RFC 6749 §4.1.2.1).
async fn trusted_target(app: &App, form: &Form) -> Result<(Client, String), PageError> {
    let client_id = form.get("client_id").ok_or_else(|| PageError::bad_request("client_id: expected once"))?;
    let client = app.store.client(client_id).await?.filter(|client| client.enabled);
    let client = client.ok_or_else(|| PageError::bad_request("client_id: no such client"))?;
    let sent = form.get("redirect_uri").ok_or_else(|| PageError::bad_request("redirect_uri: expected once"))?;
    if client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, sent)) {
        Ok((client, sent.to_owned()))
    } else {
        Err(PageError::bad_request("redirect_uri: it is not registered for this client"))
    }
}

async fn read(app: &App, client: &Client, form: &Form) -> Result<(AuthorizationRequest, Option<Uuid>), OAuthError> {
    if !client.has_grant(Grant::AuthorizationCode.name()) {
        return Err(OAuthError::new(Code::UnauthorizedClient, "this client is not registered for authorization_code"));
    }
    let mut request = AuthorizationRequest::parse(form, client.public || client.require_pkce)?;
    request.claims.retain(|name| name == "sub" || CLAIMS.iter().any(|(known, _)| *known == name));
    let hinted = match form.get("id_token_hint") {
        None => None,
        Some(token) => {
            let hint = hint::read(app, token).await.map_err(OAuthError::server_error)?;
            Some(hint.ok_or_else(|| OAuthError::invalid_request("id_token_hint: expected an ID token of this issuer"))?.sub)
        }
    };
    // Nobody whose name has another form can sign in here, nor anybody who is two people.
    let wished = request.claims.subject().map(|subject| Uuid::try_parse(subject).unwrap_or_default());
    let hinted_user = match (wished, hinted) {
        (Some(wished), Some(hinted)) if wished != hinted => Some(Uuid::nil()),
        (wished, hinted) => wished.or(hinted),
    };
    Ok((request, hinted_user))
}

fn new_pending(app: &App, client: &Client, reply: ReplyTo, ask: Ask) -> Pending {
    Pending {
        client_id: client.id.clone(),
        reply,
        ask,
        created_at: app.now(),
        hinted_user: None,
        sign_in_due: false,
        choice_due: false,
        signed_in: None,
        consented_by: None,
    }
}

fn begin(
    app: &App,
    client: &Client,
    reply: ReplyTo,
    mut request: AuthorizationRequest,
    hinted_user: Option<Uuid>,
) -> Result<Pending, PageError> {
    request.max_age = match request.max_age {
        Some(seconds) => Some(seconds),
        None => client.metadata()?.default_max_age,
    };
    let (sign_in_due, choice_due) = (request.prompt.login, request.prompt.select_account);
    let pending = new_pending(app, client, reply, Ask::Request(Box::new(request)));
    Ok(Pending { hinted_user, sign_in_due, choice_due, ..pending })
}

/// Takes `pending` as far as it goes without the person: to a page, or to its answer. `waiting` is where it has waited.
async fn advance(
    app: &App,
    browser: &Browser,
    client: &Client,
    waiting: Option<&Waiting>,
    pending: Pending,
) -> Result<Response, PageError> {
    let signed_in = browser.signed_in().await?;
    let page = match interaction::next(app, client, &pending, signed_in.as_ref()).await {
        Ok(Next::SignIn) => "/sign-in",
        Ok(Next::SelectAccount) => "/select-account",
        Ok(Next::ChangePassword) => "/account/password",
        Ok(Next::Consent(_)) => "/consent",
        Ok(Next::Refuse(refusal)) => {
            take(browser, waiting).await?;
            return answer::refusal(app, &pending.reply, &refusal);
        }
        Ok(Next::Grant(wanted)) => {
            let Some(signed_in) = signed_in else { return Err(PageError::expired()) };
            take(browser, waiting).await?;
            return give_code(app, client, &pending, &signed_in, wanted).await;
        }
        Err(error) => {
            let refusal = Refusal::from(&error);
            error.log();
            return answer::refusal(app, &pending.reply, &refusal);
        }
    };
    let id = match waiting {
        Some(waiting) => waiting.id.clone(),
        None => browser.keep(&pending).await?,
    };
    see_other(app, &format!("{page}?request={}", encoded(&id)))
}

/// A request that waited is answered once: of two tabs that go on with it at the same moment, one finds it gone.
async fn take(browser: &Browser, waiting: Option<&Waiting>) -> Result<(), PageError> {
    match waiting {
        Some(waiting) if !browser.take(waiting).await? => Err(PageError::expired()),
        _ => Ok(()),
    }
}

async fn give_code(app: &App, client: &Client, pending: &Pending, signed_in: &SignedIn, wanted: Wanted) -> Result<Response, PageError> {
    let Ask::Request(request) = &pending.ask else { return Err(PageError::expired()) };
    let SignedIn { session, user } = signed_in;
    // A consent that was withdrawn in another tab is none.
    if !client.first_party && !wanted.to_consent.is_subset(&consents::scopes(app.store.writer(), user.id, &client.id).await?) {
        let refusal = Refusal::from(&OAuthError::new(Code::ConsentRequired, "the person must consent"));
        return answer::refusal(app, &pending.reply, &refusal);
    }
    let code = BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<32>());
    let row = CodeRow {
        hash: secret::key(&code),
        authorization_id: app.clock.ordered_uuid(),
        client_id: client.id.clone(),
        user_id: user.id,
        redirect_uri: pending.reply.redirect_uri.clone(),
        code_challenge: request.code_challenge.clone(),
        nonce: request.nonce.clone(),
        scope: wanted.granted.to_string(),
        resources: request.resources.join(" "),
        claims: if request.claims.is_empty() { None } else { serde_json::to_string(&request.claims).ok() },
        sid: session.sid.clone(),
        auth_time: session.auth_time,
        acr: session.acr.clone(),
        amr: session.amr.clone(),
        expires_at: app.now() + CODE_LIFETIME,
        spent_at: None,
    };
    match codes::insert(app.store.writer(), &row).await {
        Ok(()) => answer::success(app, &pending.reply, &code),
        Err(error) => {
            let error = OAuthError::from(error);
            error.log();
            answer::refusal(app, &pending.reply, &Refusal::from(&error))
        }
    }
}

fn encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}
