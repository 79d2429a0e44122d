//! What all pages share: the headers of an HTML answer, and what each form carries.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::web::error::page::PageError;

/// What every page knows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Before every path: the issuer's own.
    pub base: String,
    /// What every form carries.
    pub csrf: String,
}

impl Page {
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
