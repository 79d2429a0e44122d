//! HTML responses: the values that all templates need, the headers of a page, and redirects to our own pages.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::app::App;
use crate::web::error::page::PageError;

/// The values that every template needs.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The path of the issuer's URL, with which every link begins; empty if that URL has no path.
    pub base: String,
    /// The CSRF token that every form carries; empty on a page without forms.
    pub csrf: String,
    /// The user whom a page with a form to sign out names. The form carries the id, so that it never signs out somebody else.
    pub user: Option<Uuid>,
}

impl Page {
    /// Returns the values for a page without forms, which needs no CSRF token.
    pub fn without_forms(app: &App) -> Self {
        Self { base: app.settings.issuer.path().to_owned(), csrf: String::new(), user: None }
    }
}

/// A hidden field of an HTML form.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Hidden {
    pub name: String,
    pub value: String,
}

impl Hidden {
    /// Copies `name` and `value` into a field.
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}

/// The `Content-Security-Policy` of a page. It follows from where the forms of the page lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Csp {
    /// The forms of the page go to this issuer only.
    Own,
    /// The forms of the page go to this issuer, which may then redirect the browser to a client. Browsers apply `form-action` to such
    /// redirects too, so this policy leaves it out.
    LeadsToClient,
    /// The page posts its form to a client, by the only script that the policy allows.
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

/// The header that says whether a page may be reached by the page that opened it in a new window.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Renders `page` as a response that no cache may keep.
pub fn html(page: &impl Template, csp: Csp) -> Result<Response, PageError> {
    let body = page.render().map_err(PageError::server_error)?;
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, csp.header()),
    ];
    let mut response = (headers, body).into_response();
    // An app may show the pages that lead back to it in a popup, whose last page speaks to the app by `window.opener`. With this header on a
    // page before, the browser would cut that tie.
    if csp == Csp::Own {
        response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin-allow-popups"));
    }
    Ok(response)
}

/// The SHA-256 of the script in `sign_out/frames.html`; a test computes it from the template.
const FRAMES_SCRIPT: &str = "sha256-Cj+fnUVs5o+xaUUOgQeW0XyuqTmn9LH0qfOwKvQXy4Y=";

/// Renders `page`, which shows pages of `origins` in frames for some seconds, after which its script takes them away. After `refresh`, seconds and
/// a URL, the browser goes on to that URL: by the script too, since the header counts only from when all frames have loaded, and by the header
/// where scripts are off.
pub fn html_with_frames(page: &impl Template, origins: &[String], refresh: Option<(u32, &str)>) -> Result<Response, PageError> {
    let mut response = html(page, Csp::Own)?;
    let policy = format!(
        "default-src 'none'; script-src '{FRAMES_SCRIPT}'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src {}; base-uri 'none'; frame-ancestors \
         'none'",
        origins.join(" ")
    );
    let policy = HeaderValue::from_str(&policy).map_err(PageError::server_error)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    if let Some((seconds, url)) = refresh {
        let refresh = HeaderValue::from_str(&format!("{seconds}; url={url}")).map_err(PageError::server_error)?;
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    Ok(response)
}

/// The SHA-256 of the script in `session/check.html`; a test computes it from the template.
const CHECK_SCRIPT: &str = "sha256-xTFVCLUlYLN6lULXgRRRM2ygJFJFUuToIJy9HDn1qo0=";

/// Renders `page`, whose script is that of `session/check.html`, for a frame on pages of `origins`. No other page may show it.
pub fn html_in_frame(page: &impl Template, origins: &[String]) -> Result<Response, PageError> {
    let mut response = html(page, Csp::Own)?;
    let ancestors = if origins.is_empty() { "'none'".to_owned() } else { origins.join(" ") };
    let policy =
        format!("default-src 'none'; script-src '{CHECK_SCRIPT}'; form-action 'none'; base-uri 'none'; frame-ancestors {ancestors}");
    let policy = HeaderValue::from_str(&policy).map_err(PageError::server_error)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// Redirects the browser to `path` below the issuer's URL, with GET (303).
pub fn see_other(app: &App, path: &str) -> Result<Response, PageError> {
    let location = format!("{}{path}", app.settings.issuer.path());
    let location = HeaderValue::from_str(&location).map_err(|_| PageError::bad_request("the request is not valid as part of a URL"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response())
}
