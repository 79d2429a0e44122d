//! What pages are asked by: forms of ours, whose CSRF token is checked before anyone can look at them, and queries.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use crate::app::App;
use crate::endpoints::parameters::Parameters;
use crate::error::PageError;
use crate::oauth::form::Form;
use crate::pages::browser::Browser;

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

/// The query of a page: which request it is about, and what was just done there, if anything.
pub struct PageQuery(Form);

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self).map_err(|_| PageError::expired())
    }
}

impl PageQuery {
    /// The id of the authorization request; empty if there is none.
    pub fn request_or_none(&self) -> &str {
        self.0.get("request").unwrap_or_default()
    }

    /// What was just done, where a form was sent that leads here.
    pub fn done(&self) -> &str {
        self.0.get("done").unwrap_or_default()
    }

    /// The id of the authorization request, which there must be.
    pub fn request(&self) -> Result<&str, PageError> {
        self.0.get("request").ok_or_else(PageError::expired)
    }
}
