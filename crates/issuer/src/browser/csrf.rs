//! Checks the CSRF token of the forms on the issuer's own pages, before a handler can read their fields.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::browser::Browser;
use crate::oauth::form::Form;
use crate::web::error::page::PageError;
use crate::web::form::Parameters;
use crate::web::origin::Sender;

/// Reads a form, with the browser that sent it. The caller checks whether it may be taken.
pub async fn read(request: Request, app: &Arc<App>) -> Result<(Browser, Form), PageError> {
    let (mut parts, body) = request.into_parts();
    let browser = Browser::from_request_parts(&mut parts, app).await?;
    let parameters = Parameters::from_request(Request::from_parts(parts, body), app).await;
    let form = parameters.map_err(PageError::unreadable_form)?.form;
    Ok((browser, form))
}

/// A form of one of our pages, sent by the same browser that we sent the page to.
#[expect(missing_docs, reason = "the names say it")]
pub struct OwnForm {
    pub browser: Browser,
    pub form: Form,
}

impl FromRequest<Arc<App>> for OwnForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, PageError> {
        let (browser, form) = read(request, app).await?;
        if browser.is_own(&form).await? { Ok(Self { browser, form }) } else { Err(stale(&browser, &form).await) }
    }
}

/// A form of one of our pages that may have been sent twice. The answer to the first one may have replaced the CSRF token meanwhile.
#[expect(missing_docs, reason = "the names say it")]
pub struct RepeatableForm {
    pub browser: Browser,
    pub form: Form,
    /// `false` if the form lacks the CSRF token of this browser, but was sent from a page of this issuer. It must change nothing then.
    pub is_own: bool,
}

impl FromRequest<Arc<App>> for RepeatableForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, PageError> {
        let (browser, form) = read(request, app).await?;
        let is_own = browser.is_own(&form).await?;
        if is_own || browser.sender() == Sender::Own { Ok(Self { browser, form, is_own }) } else { Err(stale(&browser, &form).await) }
    }
}

/// The error for `form`, which can no longer be used. It says who is signed in, since the form may be that of another person, and leads on with
/// the authorization request of the form.
pub async fn stale(browser: &Browser, form: &Form) -> PageError {
    let signed_in = browser.signed_in().await.ok().flatten();
    let error = PageError::stale_form().going_on_with(form.get("request").filter(|id| !id.is_empty()));
    match signed_in {
        Some(signed_in) => error.naming(&signed_in.user.username),
        None => error,
    }
}

/// A form that only signs the person out. It is taken from any page of this issuer, even one that is older than a change in another tab,
/// because whoever asks to sign out must be signed out.
#[expect(missing_docs, reason = "the names say it")]
pub struct SignOutForm {
    pub browser: Browser,
    pub form: Form,
}

impl FromRequest<Arc<App>> for SignOutForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, PageError> {
        let read = read(request, app).await;
        let (browser, form) = read.map_err(|error| if error.status.is_client_error() { error.signing_out() } else { error })?;
        // A client can let a page of ours post its answer here (`form_post`). Each answer has this field (RFC 9207), and no form of ours has it.
        let is_of_our_pages = browser.sender() == Sender::Own && form.get("iss").is_none();
        let taken = is_of_our_pages || browser.is_own(&form).await?;
        if taken { Ok(Self { browser, form }) } else { Err(PageError::stale_form().signing_out()) }
    }
}

impl OwnForm {
    /// Returns the id of the authorization request that the form is about. Fails if the form has none.
    pub fn request(&self) -> Result<&str, PageError> {
        self.form.get("request").ok_or_else(PageError::not_a_start)
    }
}

impl Browser {
    /// Returns `true` if `form` carries the CSRF token of this browser. Tokens are compared in constant time.
    pub async fn is_own(&self, form: &Form) -> Result<bool, PageError> {
        let sent = form.get("csrf").unwrap_or_default();
        Ok(self.kept().await?.is_some_and(|kept| bool::from(kept.csrf.as_bytes().ct_eq(sent.as_bytes()))))
    }
}
