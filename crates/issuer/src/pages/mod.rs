//! The pages that people see: HTML without scripts, one file per page. They share their headers, and what each form carries.

pub mod account;
pub mod assets;
pub mod browser;
pub mod browser_store;
pub mod consent;
pub mod form;
pub mod select_account;
pub mod sign_in;
pub mod sign_out;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::PageError;
use crate::pages::browser::Browser;
use crate::store::StoreError;
use crate::store::clients::{self, Client};

/// What every page knows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Before every path: the issuer's own.
    pub base: String,
    /// What every form carries.
    pub csrf: String,
}

impl Page {
    /// The page of `browser`, whose forms it will know.
    pub async fn of(app: &App, browser: &Browser) -> Result<Self, PageError> {
        Ok(Self { csrf: browser.csrf().await?, ..Self::without_forms(app) })
    }

    /// A page without forms.
    pub fn without_forms(app: &App) -> Self {
        Self { base: app.settings.issuer.path().to_owned(), csrf: String::new() }
    }
}

/// A hidden field of a form.
#[derive(Debug, Clone)]
pub struct Hidden {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Hidden {
    /// A field.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

/// A client, as people are shown it.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the client metadata; empty where there is none")]
pub struct ClientView {
    pub id: String,
    pub name: String,
    pub has_logo: bool,
    pub uri: String,
    pub policy_uri: String,
    pub tos_uri: String,
}

impl ClientView {
    /// What people are shown of `client`.
    pub async fn of(app: &App, client: &Client) -> Result<Self, StoreError> {
        let metadata = client.metadata()?;
        Ok(Self {
            id: client.id.clone(),
            name: client.name.clone(),
            has_logo: clients::has_logo(app.store.reader(), &client.id).await?,
            uri: metadata.client_uri.unwrap_or_default(),
            policy_uri: metadata.policy_uri.unwrap_or_default(),
            tos_uri: metadata.tos_uri.unwrap_or_default(),
        })
    }
}

/// What a page may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Csp {
    /// Its forms go to this issuer alone.
    Own,
    /// Its forms come to this issuer, which may send the browser on to a client: browsers apply `form-action` to that, too.
    LeadsToClient,
    /// It posts itself to a client, by the one script whose hash is named.
    FormPost,
}

impl Csp {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Own => {
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            }
            Self::LeadsToClient => "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            // The SHA-256 of `document.forms[0].submit()`; a test computes it from the template.
            Self::FormPost => {
                "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'; frame-ancestors 'none'"
            }
        })
    }
}

/// A page as an answer, which no cache may keep.
pub fn html(page: &impl Template, csp: Csp) -> Result<Response, PageError> {
    let body = page.render().map_err(PageError::server_error)?;
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, csp.header()),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin-allow-popups")),
    ];
    Ok((headers, body).into_response())
}

/// Sends the browser to a path of ours, with GET.
pub fn see_other(app: &App, path: &str) -> Result<Response, PageError> {
    let location = format!("{}{path}", app.settings.issuer.path());
    let location = HeaderValue::from_str(&location).map_err(|_| PageError::bad_request("the request holds characters that no URL may"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response())
}

/// `GET /`: people who come by themselves want their account.
pub async fn home(State(app): State<Arc<App>>) -> Result<Response, PageError> {
    see_other(&app, "/account")
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    title: &'static str,
    message: String,
    detail: String,
}

/// Makes a page of every [`PageError`].
pub async fn error_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let is_blank = response.status().is_server_error() && !response.headers().contains_key(header::CONTENT_TYPE);
    let error = response.extensions_mut().remove::<PageError>();
    // A blank failure comes from the layer that keeps the cookie.
    let error = error.or_else(|| is_blank.then(|| PageError::server_error("see above")));
    let Some(PageError { status, title, message, detail }) = error else { return response };
    let page = ErrorPage { page: Page::without_forms(&app), title, message, detail };
    let mut shown = html(&page, Csp::Own).unwrap_or_else(|error| error.status.into_response());
    *shown.status_mut() = status;
    // Cookies that were set on the way stay set, and a 405 goes on saying what is allowed.
    for name in [header::SET_COOKIE, header::ALLOW] {
        for value in response.headers().get_all(&name) {
            shown.headers_mut().append(name.clone(), value.clone());
        }
    }
    shown
}
