//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::accounts::sign_in::record_refused_access;
use crate::app::App;
use crate::browser::Browser;
use crate::grants::authorization_code::{self, CodeRequest};
use crate::interaction::next::{Next, next};
use crate::interaction::request::{Received, receive};
use crate::interaction::waiting::{self, WaitingRequest};
use crate::interaction::{CheckedRequest, Interaction, answer};
use crate::oauth::error::{ErrorResponse, OAuthError};
use crate::oauth::form::Form;
use crate::pages::sign_in;
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::form::{PageQuery, RawForm};
use crate::web::origin::Sender;
use crate::web::respond::as_get;

/// `POST /authorize`: makes the same request by GET, because browsers do not send the cookie with a form that another site posts. A form that
/// was sent from a page of this issuer is taken as it is.
pub async fn post(State(app): State<Arc<App>>, browser: Browser, form: Result<RawForm, OAuthError>) -> Result<Response, PageError> {
    let form = form?;
    if browser.sender() == Sender::Own { begin(&app, &browser, &form.0).await } else { as_get(&app, "/authorize", &form) }
}

/// `GET /authorize`: checks the request and starts its interaction. If nobody is signed in, the answer is the sign-in page itself, in which
/// the request travels sealed.
pub async fn get(State(app): State<Arc<App>>, browser: Browser, RawQuery(query): RawQuery) -> Result<Response, PageError> {
    // The server bounds the length of a request's head, and so of the query. It has room for the longest `state`, `nonce` and hint.
    let query = query.unwrap_or_default();
    begin(&app, &browser, query.as_bytes()).await
}

async fn begin(app: &App, browser: &Browser, encoded: &[u8]) -> Result<Response, PageError> {
    let form = Form::collect(encoded).map_err(|error| PageError::bad_request(error.to_string()))?;
    let Received { client, interaction } = match receive(app, &form).await {
        Ok(received) => received,
        Err(error) => return Err(leading_back(app, &form, error).await?),
    };
    // `CheckedRequest` states which clients are sent a refusal before a user has signed in.
    if let CheckedRequest::Invalid(error) = &interaction.request {
        if !client.registered_itself {
            return answer::refusal(app, &client, &interaction.target, error);
        }
        // The client asked that no page be shown, so the user does not see where they would be sent, and is not asked to sign in first.
        if form.all("prompt").any(|prompt| prompt.split_whitespace().any(|word| word == "none")) {
            return Err(PageError::bad_request(error.description.clone()));
        }
    }
    advance(app, browser, &client, None, interaction).await
}

/// Returns the page for `error`, with a link to the client that the request names. A client that registered itself gets none, because anybody
/// could have made up the request to lead people to a site of theirs.
async fn leading_back(app: &App, form: &Form, error: OAuthError) -> Result<PageError, PageError> {
    let named = if error.source.is_none() { form.get("client_id") } else { None };
    let client = match named {
        Some(id) => app.store.client(id).await?.filter(|client| client.enabled && !client.registered_itself),
        None => None,
    };
    let page = PageError::from(error);
    Ok(match client {
        Some(client) => waiting::leading_to_client(app, page, &client),
        None => page,
    })
}

/// `GET /authorize/resume?request=…`: continues a waiting request after the user has completed a step.
pub async fn resume(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let (client, waiting) = waiting::require(&app, &browser, query.request()?).await?;
    let interaction = waiting.interaction.clone();
    advance(&app, &browser, &client, Some(&waiting), interaction).await
}

/// Takes `interaction` to the next page that needs the user, or to its answer. `waiting` is the stored request; `None` if it is not stored
/// yet.
async fn advance(
    app: &App,
    browser: &Browser,
    client: &Client,
    waiting: Option<&WaitingRequest>,
    interaction: Interaction,
) -> Result<Response, PageError> {
    let signed_in = browser.signed_in().await?;
    let page = match next(app, client, &interaction, signed_in.as_ref()).await {
        Ok(Next::SignIn) if waiting.is_none() => return sign_in::first(app, browser, client, &interaction).await,
        Ok(Next::SignIn) => "/sign-in",
        Ok(Next::SelectAccount) => "/select-account",
        Ok(Next::ChangePassword) => "/account/password",
        Ok(Next::NoAccess) => {
            if let Some(signed_in) = &signed_in {
                record_refused_access(app, &browser.actor(signed_in.user.id), signed_in.user.id, &client.id).await?;
            }
            "/no-access"
        }
        Ok(Next::Consent(_)) => "/consent",
        Ok(Next::Refuse(error)) => {
            if let Some(waiting) = waiting {
                waiting.refuse(app, browser, client).await?;
            }
            return answer::refusal(app, client, &interaction.target, &error);
        }
        Ok(Next::Grant(offer, proven)) => {
            let (Some(signed_in), CheckedRequest::Valid(request)) = (signed_in, &interaction.request) else {
                return Err(PageError::unknown_request());
            };
            let redirect_uri = &interaction.target.redirect_uri;
            let (granted, to_consent, answers) = (&offer.granted, &offer.to_consent, waiting.map(WaitingRequest::stored));
            let code = CodeRequest { client, redirect_uri, request, signed_in: &signed_in, proven: &proven, granted, to_consent, answers };
            return match authorization_code::give(app, code).await {
                Ok(Some(code)) => {
                    let state = browser.session_state(client, redirect_uri, &signed_in.session.sid)?;
                    answer::success(app, &interaction.target, &code, state.as_deref())
                }
                Ok(None) => Err(waiting::answered(app, client)),
                Err(error) => {
                    if let Some(waiting) = waiting {
                        waiting.refuse(app, browser, client).await?;
                    }
                    refuse(app, client, &interaction, &error)
                }
            };
        }
        Err(error) => return refuse(app, client, &interaction, &error),
    };
    if let Some(waiting) = waiting {
        waiting.must_wait(app, client)?;
    }
    let id = match waiting {
        Some(waiting) => waiting.id.clone(),
        None => waiting::keep(app, browser, &interaction).await?,
    };
    waiting::page_for(app, page, &id)
}

fn refuse(app: &App, client: &Client, interaction: &Interaction, error: &OAuthError) -> Result<Response, PageError> {
    error.log();
    answer::refusal(app, client, &interaction.target, &ErrorResponse::from(error))
}
