//! Forms of the issuer's own pages. Their CSRF token is checked before anything can read them.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::browser::Browser;
use crate::oauth::form::Form;
use crate::web::error::page::PageError;
use crate::web::form::Parameters;

/// A form that was sent from the browser to which its page was given.
pub struct OwnForm {
    /// The browser that sent it.
    pub browser: Browser,
    /// Its fields.
    pub form: Form,
}

impl FromRequest<Arc<App>> for OwnForm {
    type Rejection = PageError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let browser = Browser::from_request_parts(&mut parts, app).await?;
        let form = Parameters::from_request(Request::from_parts(parts, body), app).await?.form;
        if browser.is_own(&form).await? { Ok(Self { browser, form }) } else { Err(PageError::stale_form()) }
    }
}

impl OwnForm {
    /// The id of the authorization request that the form is about.
    pub fn request(&self) -> Result<&str, PageError> {
        self.form.get("request").ok_or_else(PageError::expired)
    }
}

impl Browser {
    /// Whether `form` belongs to a page that was given to this browser.
    pub async fn is_own(&self, form: &Form) -> Result<bool, PageError> {
        let sent = form.get("csrf").unwrap_or_default();
        Ok(self.kept().await?.is_some_and(|kept| bool::from(kept.csrf.as_bytes().ct_eq(sent.as_bytes()))))
    }
}
