//! The page that a one-time link opens, on which a person sets a password. Opening it changes nothing, because programs that check mail for
//! dangerous links open them too.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use secrecy::SecretString;

use crate::accounts::password_link::{self, PasswordLinkError};
use crate::accounts::policy::PolicyError;
use crate::app::App;
use crate::browser::Browser;
use crate::oauth::error::OAuthError;
use crate::pages::too_many_attempts;
use crate::web::error::page::PageError;
use crate::web::error::with_error;
use crate::web::form::{PageQuery, Parameters};
use crate::web::html::{Csp, Page, html};
use crate::web::origin::Sender;

#[derive(Template)]
#[template(path = "sign_in/set_password.html")]
struct SetPasswordPage {
    page: Page,
    username: String,
    link: String,
    error: String,
    done: bool,
}

/// Shows the form, unless the link can no longer be used.
async fn form(app: &App, browser: &Browser, link: &str, error: String, fault: Option<&OAuthError>) -> Result<Response, PageError> {
    let user = password_link::find(app, link).await?.ok_or_else(PageError::spent_link)?;
    let page = SetPasswordPage {
        page: Page { csrf: browser.visitor_token(), ..Page::without_forms(app) },
        username: user.username,
        link: link.to_owned(),
        error,
        done: false,
    };
    let mut response = html(&page, Csp::Own)?;
    if let Some(fault) = fault {
        response = with_error(response, fault);
    }
    // With `no-referrer` browsers would send `Origin: null` with the form, so that its sender could not be checked.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// `GET /set-password`: shows the form of a link.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let link = query.text("link");
    if link.is_empty() {
        return Err(PageError::no_link());
    }
    form(&app, &browser, link, String::new(), None).await
}

/// `POST /set-password`: sets the password, which spends the link.
pub async fn submit(
    State(app): State<Arc<App>>,
    browser: Browser,
    parameters: Result<Parameters, OAuthError>,
) -> Result<Response, PageError> {
    let sent = parameters.map_err(PageError::unreadable_form)?.form;
    let link = sent.get("link").unwrap_or_default();
    if browser.sender() == Sender::Foreign {
        return Err(PageError::foreign_form(browser.origin()));
    }
    if !browser.sent_visitor() || !(browser.sender() == Sender::Own || browser.is_visitor(&sent)) {
        let text = if browser.sent_visitor() {
            "The cookie of this browser has changed since the page was shown. Type the password once more."
        } else {
            "Your browser sent no cookie with this form. Type the password once more. If that does not help, allow cookies for this site in the \
             settings of your browser."
        };
        let fault = OAuthError::invalid_request("the cookie that binds the form to the browser is missing or has changed");
        return form(&app, &browser, link, text.to_owned(), Some(&fault)).await;
    }
    let secret = |name: &str| sent.secret(name).unwrap_or_else(|| SecretString::from(""));
    let (new, repeated) = (secret("new_password"), secret("repeat_password"));
    let set = password_link::set_password(&app, link, new, &repeated, &browser.guesser(), browser.request()).await;
    let Err(error) = set else {
        let page = Page::without_forms(&app);
        let done = SetPasswordPage { page, username: String::new(), link: String::new(), error: String::new(), done: true };
        return html(&done, Csp::Own);
    };
    let text = match &error {
        PasswordLinkError::Spent => return Err(PageError::spent_link()),
        PasswordLinkError::Store(_) | PasswordLinkError::Busy(_) => return Err(OAuthError::from(error).into()),
        PasswordLinkError::Wait(seconds) => too_many_attempts(*seconds),
        PasswordLinkError::RepeatedDiffers => "The two passwords differ.".to_owned(),
        PasswordLinkError::Policy(PolicyError::Length) => "Choose a password of 8 to 256 characters.".to_owned(),
        PasswordLinkError::Policy(PolicyError::Nul) => "Choose a password that contains only characters that you can type.".to_owned(),
        PasswordLinkError::Policy(PolicyError::Guessable) => {
            "This password is too easy to guess. Choose one that is not a common word, a name, a date or a pattern.".to_owned()
        }
    };
    form(&app, &browser, link, text, Some(&error.into())).await
}
