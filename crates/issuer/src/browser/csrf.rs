//! What pages are asked by: forms of ours, whose CSRF token is checked before anyone can look at them, and queries.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};

use crate::app::App;
use crate::browser::Browser;
use crate::oauth::form::Form;
use crate::web::error::page::PageError;
use crate::web::form::Parameters;

/// A form of ours, sent from the browser that was given it: nobody can look at it before its token is checked.
pub struct OwnForm {
    /// Where it was sent from.
    pub browser: Browser,
    /// What it says.
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
    /// The authorization request that it is about.
    pub fn request(&self) -> Result<&str, PageError> {
        self.form.get("request").ok_or_else(PageError::expired)
    }
}
