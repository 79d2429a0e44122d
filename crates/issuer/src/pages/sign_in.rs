//! The sign-in page, for people whom an app sends and for people who open it themselves.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use secrecy::SecretString;

use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::browser::Browser;
use crate::interaction::CheckedRequest;
use crate::interaction::waiting;
use crate::interaction::waiting::WaitingRequest;
use crate::oauth::error::OAuthError;
use crate::pages::ClientCard;
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::form::Parameters;
use crate::web::html::{Csp, Page, html, see_other};

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    page: Page,
    request: String,
    has_client: bool,
    client: ClientCard,
    username: String,
    reason: &'static str,
    error: String,
}

/// The request that the person signs in for, if an app sent them here.
struct Context {
    id: String,
    request: Option<(Client, WaitingRequest)>,
}

impl Context {
    /// Loads the request `id`. An empty `id` means that the person opened the page themselves.
    async fn of(app: &App, browser: &Browser, id: &str) -> Result<Self, PageError> {
        let request = if id.is_empty() { None } else { Some(waiting::require(app, browser, id).await?) };
        Ok(Self { id: id.to_owned(), request })
    }

    async fn page(&self, app: &App, browser: &Browser, username: &str, error: String) -> Result<SignInPage, PageError> {
        let signed_in = browser.signed_in().await?;
        let client = match &self.request {
            Some((client, _)) => ClientCard::of(app, client).await?,
            None => ClientCard::default(),
        };
        let hint = self.request.as_ref().and_then(|(_, waiting)| match &waiting.interaction.request {
            CheckedRequest::Valid(request) => request.login_hint.as_deref(),
            CheckedRequest::Invalid(_) => None,
        });
        let known = signed_in.as_ref().map(|signed_in| signed_in.user.username.as_str());
        let asks_other = self.request.as_ref().is_some_and(|(_, waiting)| waiting.interaction.hinted_user.is_some());
        let username = match (username, hint, known) {
            ("", Some(hint), _) => hint,
            ("", None, Some(known)) if !asks_other => known,
            (typed, ..) => typed,
        };
        let reason = if signed_in.is_some() { "Please sign in again to continue." } else { "" };
        Ok(SignInPage {
            page: browser.page().await?,
            request: self.id.clone(),
            has_client: self.request.is_some(),
            client,
            username: username.to_owned(),
            reason,
            error,
        })
    }
}

/// `GET /sign-in`: shows the form.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let context = Context::of(&app, &browser, query.request_or_none()).await?;
    // A person who is signed in has to sign in again only if a request requires it.
    if context.request.is_none() && browser.signed_in().await?.is_some() {
        return see_other(&app, "/account");
    }
    html(&context.page(&app, &browser, "", String::new()).await?, Csp::LeadsToClient)
}

/// `POST /sign-in`: checks the password, signs the person in and continues the request.
pub async fn submit(
    State(app): State<Arc<App>>,
    browser: Browser,
    parameters: Result<Parameters, OAuthError>,
) -> Result<Response, PageError> {
    let form = parameters?.form;
    if !browser.is_own(&form).await? {
        // Most likely the person has signed in in another tab. Then the request can go on; otherwise show the page again.
        return match form.get("request") {
            Some(id) if waiting::find(&app, &browser, id).await?.is_some() => waiting::resume(&app, id),
            Some(_) => Err(PageError::expired()),
            None => see_other(&app, "/sign-in"),
        };
    }
    let context = Context::of(&app, &browser, form.get("request").unwrap_or_default()).await?;
    let username = form.get("username").unwrap_or_default();
    let password = form.secret("password").unwrap_or_else(|| SecretString::from(""));
    let checked = match sign_in::check(&app, username, password, browser.request().address, app.now()).await {
        Ok(checked) => browser.sign_in(checked).await?,
        Err(error) => Err(error),
    };
    match checked {
        Ok(signed_in) => match context.request {
            Some((_, mut waiting)) => {
                waiting.interaction.note_sign_in(&signed_in.session.sid);
                waiting.save(&app).await?;
                waiting::resume(&app, &context.id)
            }
            None => see_other(&app, "/account"),
        },
        Err(error) => refused(&app, &browser, &context, username, error).await,
    }
}

async fn refused(app: &App, browser: &Browser, context: &Context, username: &str, error: SignInError) -> Result<Response, PageError> {
    let (status, text) = match error {
        SignInError::Wrong => (StatusCode::BAD_REQUEST, "The username or the password is wrong.".to_owned()),
        SignInError::Wait(seconds) => (StatusCode::TOO_MANY_REQUESTS, format!("Too many attempts. Try again in {seconds} seconds.")),
        SignInError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "Too many people are signing in. Try again in a moment.".to_owned()),
        SignInError::Store(error) => return Err(error.into()),
    };
    let mut response = html(&context.page(app, browser, username, text).await?, Csp::LeadsToClient)?;
    *response.status_mut() = status;
    Ok(response)
}
