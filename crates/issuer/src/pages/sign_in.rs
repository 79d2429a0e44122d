//! The sign-in page, for people whom an app sends and for people who open it themselves. The person who is signed in afterwards is the one
//! who was typed in this page, whatever happened in other tabs meanwhile.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use secrecy::SecretString;
use uuid::Uuid;

use crate::accounts::session::SignedIn;
use crate::accounts::sign_in::{self, SignInError};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::browser::Browser;
use crate::interaction::sealed::{self, SealedRequest};
use crate::interaction::waiting::{self, WaitingRequest};
use crate::interaction::{CheckedRequest, Interaction};
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::pages::{ClientCard, next_page, too_many_attempts};
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::error::with_error;
use crate::web::form::{PageQuery, Parameters};
use crate::web::html::{Csp, Page, html, see_other};
use crate::web::origin::Sender;

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    page: Page,
    request: String,
    /// The page of the administration to which the sign-in leads back; empty if there is none.
    next: String,
    /// `true` if the browser sent no cookie with the form, so that the next form shows whether it keeps cookies.
    again: bool,
    has_client: bool,
    client: ClientCard,
    username: String,
    reason: String,
    error: String,
}

/// The purpose of a sign-in: an authorization request, or the person's own account.
enum Purpose {
    /// The person opened the page themselves, to reach their account, or this page of the administration.
    Account(Option<String>),
    /// An authorization request that travels in the form.
    Sealed { sealed: String, bound: bool, client: Box<Client>, request: Box<SealedRequest> },
    /// An authorization request that waits in the database.
    Waiting { client: Box<Client>, waiting: Box<WaitingRequest> },
    /// An authorization request that cannot go on, as it stands in the form, with the page that says why.
    Ended { request: String, error: PageError },
}

impl Purpose {
    /// Finds out what the field `request` of `form` stands for. A request that cannot go on is no error yet, because the person may be
    /// signed in all the same.
    async fn of(app: &App, browser: &Browser, form: &Form) -> Result<Self, PageError> {
        let request = form.get("request").unwrap_or_default();
        let found = if request.is_empty() {
            return Ok(Self::account(form.get("next").unwrap_or_default()));
        } else if sealed::is_sealed(request) {
            Self::open(app, browser, request).await
        } else {
            waiting::require(app, browser, request).await.map(|(client, waiting)| Self::waiting(client, waiting))
        };
        match found {
            Err(error) if error.status.is_client_error() => Ok(Self::Ended { request: request.to_owned(), error }),
            other => other,
        }
    }

    async fn open(app: &App, browser: &Browser, sealed: &str) -> Result<Self, PageError> {
        let request = sealed::open(app, sealed).ok_or_else(PageError::unknown_request)?;
        let bound = request.is_of(browser);
        let client = waiting::client(app, &request.interaction).await?;
        waiting::check_age(app, &client, &request.interaction)?;
        Ok(Self::Sealed { sealed: sealed.to_owned(), bound, client: Box::new(client), request: Box::new(request) })
    }

    /// `next` is the page to which the sign-in leads back, if it is one of the administration.
    fn account(next: &str) -> Self {
        Self::Account(next_page::of_administration(next).map(str::to_owned))
    }

    fn waiting(client: Client, waiting: WaitingRequest) -> Self {
        Self::Waiting { client: Box::new(client), waiting: Box::new(waiting) }
    }

    /// The value of the form's field `request`.
    fn request(&self) -> &str {
        match self {
            Self::Account(_) => "",
            // It comes back with the form, so that the person is told the reason after they have signed in.
            Self::Ended { request, .. } => request,
            Self::Sealed { sealed, .. } => sealed,
            Self::Waiting { waiting, .. } => &waiting.id,
        }
    }

    fn client_and_interaction(&self) -> Option<(&Client, &Interaction)> {
        match self {
            Self::Account(_) | Self::Ended { .. } => None,
            Self::Sealed { client, request, .. } => Some((client, &request.interaction)),
            Self::Waiting { client, waiting } => Some((client, &waiting.interaction)),
        }
    }

    /// Goes on after the person has signed in.
    async fn go_on(self, app: &App, browser: &Browser, signed_in: &SignedIn) -> Result<Response, PageError> {
        let (sid, user) = (signed_in.session.sid.as_str(), signed_in.user.id);
        match self {
            Self::Account(next) => see_other(app, next.as_deref().unwrap_or("/account")),
            Self::Waiting { waiting, .. } => go_on_waiting(app, *waiting, sid, user).await,
            Self::Sealed { request, .. } => {
                let SealedRequest { id, mut interaction, .. } = *request;
                interaction.note_sign_in(sid, user);
                if !waiting::adopt(app, browser, &id, &interaction).await? {
                    // The same form was sent before. The request may still wait, for example if the person went back.
                    let (_, waiting) = waiting::require(app, browser, &id).await.map_err(PageError::although_signed_in)?;
                    return go_on_waiting(app, waiting, sid, user).await;
                }
                waiting::resume(app, &id)
            }
            // The request is found now if an earlier click on the same form has replaced the cookie meanwhile.
            Self::Ended { request, error } => match waiting::require(app, browser, &request).await {
                Ok((_, waiting)) => go_on_waiting(app, waiting, sid, user).await,
                Err(_) => Err(error.although_signed_in()),
            },
        }
    }
}

/// Goes on with `waiting` after `user` has signed in in the session `sid`.
async fn go_on_waiting(app: &App, mut waiting: WaitingRequest, sid: &str, user: Uuid) -> Result<Response, PageError> {
    waiting.interaction.note_sign_in(sid, user);
    waiting.save(app).await?;
    waiting::resume(app, &waiting.id)
}

/// The texts of the page that depend on what happened.
#[derive(Default)]
struct Texts<'a> {
    username: &'a str,
    error: String,
    again: bool,
}

async fn page(app: &App, browser: &Browser, purpose: &Purpose, texts: Texts<'_>) -> Result<Response, PageError> {
    let signed_in = browser.signed_in().await?;
    let asked = purpose.client_and_interaction();
    let client = match asked {
        Some((client, _)) => ClientCard::of(app, client).await?,
        None => ClientCard::default(),
    };
    let hint = asked.and_then(|(_, interaction)| match &interaction.request {
        CheckedRequest::Valid(request) => request.login_hint.as_deref(),
        CheckedRequest::Invalid(_) => None,
    });
    let known = signed_in.as_ref().map(|signed_in| signed_in.user.username.as_str());
    let user = signed_in.as_ref().map(|signed_in| signed_in.user.id);
    let asks_other = asked.is_some_and(|(_, interaction)| interaction.hinted_user.is_some_and(|hinted| Some(hinted) != user));
    let username = match (texts.username, hint, known) {
        ("", Some(hint), _) => hint,
        ("", None, Some(known)) if !asks_other => known,
        (typed, ..) => typed,
    };
    let reason = match (purpose, known) {
        (Purpose::Ended { error, .. }, _) => format!("{}. {}", error.title, error.message),
        // The other account is not named, because the person at this browser may not know it.
        (_, Some(known)) if asks_other => {
            format!("You are signed in as {known}, but the app asks for another account. Sign in with that one.")
        }
        (_, Some(known)) => format!("You are signed in as {known}. Sign in again to go on."),
        (_, None) => String::new(),
    };
    let page = SignInPage {
        page: Page { csrf: browser.visitor_token(), ..Page::without_forms(app) },
        request: purpose.request().to_owned(),
        next: if let Purpose::Account(Some(next)) = purpose { next.clone() } else { String::new() },
        again: texts.again,
        has_client: asked.is_some(),
        client,
        username: username.to_owned(),
        reason,
        error: texts.error,
    };
    let mut response = html(&page, Csp::LeadsToClient)?;
    // With `no-referrer` browsers would send `Origin: null` with the form, so that its sender could not be checked.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Shows the form to a browser that has just sent an authorization request. Nothing is stored.
pub async fn first(app: &App, browser: &Browser, client: &Client, interaction: &Interaction) -> Result<Response, PageError> {
    let request = SealedRequest::new(app, browser, interaction).await?;
    let purpose = Purpose::Sealed { sealed: request.seal(app)?, bound: true, client: Box::new(client.clone()), request: Box::new(request) };
    page(app, browser, &purpose, Texts::default()).await
}

/// `GET /sign-in`: shows the form.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let purpose = match query.request_or_none() {
        // A person who is signed in has to sign in again only if a request requires it.
        "" if browser.signed_in().await?.is_some() => {
            return see_other(&app, next_page::of_administration(query.text("next")).unwrap_or("/account"));
        }
        "" => Purpose::account(query.text("next")),
        id => {
            let (client, waiting) = waiting::require(&app, &browser, id).await?;
            Purpose::waiting(client, waiting)
        }
    };
    page(&app, &browser, &purpose, Texts::default()).await
}

/// `POST /sign-in`: checks the password, signs the person in and continues the request.
pub async fn submit(
    State(app): State<Arc<App>>,
    browser: Browser,
    parameters: Result<Parameters, OAuthError>,
) -> Result<Response, PageError> {
    let form = parameters.map_err(PageError::unreadable_form)?.form;
    if browser.sender() == Sender::Foreign {
        return Err(PageError::foreign_form(browser.origin()));
    }
    let purpose = Purpose::of(&app, &browser, &form).await?;
    let username = form.get("username").unwrap_or_default();
    if !may_be_taken(&browser, &purpose, &form) {
        return ask_again(&app, &browser, &purpose, username, &form).await;
    }
    let before = browser.before_sign_in().await?;
    let password = form.secret("password").unwrap_or_else(|| SecretString::from(""));
    let stranger = Actor::remote(Who::Stranger, Face::Page, browser.request());
    let checked = match sign_in::check(&app, username, password, browser.guesser(), &stranger, app.now()).await {
        Ok(checked) => browser.sign_in(checked, before).await?,
        Err(error) => Err(error),
    };
    match checked {
        Ok(signed_in) => purpose.go_on(&app, &browser, &signed_in).await,
        Err(error) => refused(&app, &browser, &purpose, username, error).await,
    }
}

/// Returns `true` if the form is one that this issuer made for this browser. If the cookie was replaced since the form was made, which
/// happens when a browser restores many tabs at once, it suffices that the form was sent from a page of this issuer.
fn may_be_taken(browser: &Browser, purpose: &Purpose, form: &Form) -> bool {
    let bound = !matches!(purpose, Purpose::Sealed { bound: false, .. });
    browser.sent_visitor() && (browser.sender() == Sender::Own || browser.is_visitor(form) && bound)
}

/// Shows the form once more, made for this browser, and asks for the password again. A browser that sends no cookie for the second time
/// does not keep cookies.
async fn ask_again(app: &App, browser: &Browser, purpose: &Purpose, username: &str, form: &Form) -> Result<Response, PageError> {
    let without_cookie = !browser.sent_visitor();
    if without_cookie && form.get("again").is_some() {
        return Err(match purpose.client_and_interaction() {
            Some((client, _)) => waiting::leading_to_client(app, PageError::no_cookie(), client),
            None => PageError::no_cookie().leading_to_sign_in(),
        });
    }
    let renewed = match purpose {
        Purpose::Sealed { client, request, .. } => {
            let request = SealedRequest::clone(request).rebound(browser);
            Purpose::Sealed { sealed: request.seal(app)?, bound: true, client: client.clone(), request: Box::new(request) }
        }
        Purpose::Account(next) => Purpose::Account(next.clone()),
        Purpose::Waiting { waiting, .. } => return waiting::resume(app, &waiting.id),
        Purpose::Ended { error, .. } => return Err(error.clone()),
    };
    let error = if without_cookie {
        "Your browser sent no cookie with this form, perhaps because it was closed meanwhile or blocks cookies. Type your password once more."
    } else {
        "The cookie of this browser has changed since the page was shown. Type your password once more."
    };
    let error = error.to_owned();
    page(app, browser, &renewed, Texts { username, error, again: without_cookie }).await
}

/// A session ends in many ways, so the page says only what is known.
const ENDED: &str = "While you signed in, your session in this browser ended, or you were signed out everywhere, perhaps by yourself in another \
                     tab. To sign in all the same, type your password once more.";

async fn refused(app: &App, browser: &Browser, purpose: &Purpose, username: &str, error: SignInError) -> Result<Response, PageError> {
    let text = match &error {
        SignInError::Wrong => "The username or the password is wrong.".to_owned(),
        SignInError::Ended => ENDED.to_owned(),
        SignInError::Wait(seconds) => too_many_attempts(seconds),
        SignInError::Busy(_) => "Too many people are signing in. Try again in a moment.".to_owned(),
        SignInError::Store(_) => return Err(OAuthError::from(error).into()),
    };
    let response = page(app, browser, purpose, Texts { username, error: text, again: false }).await?;
    let client = purpose.client_and_interaction().map(|(client, _)| client.id.as_str());
    Ok(with_error(response, &OAuthError::from(error).of_client(client)))
}
