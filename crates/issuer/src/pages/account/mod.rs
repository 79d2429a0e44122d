//! Your account: what a person sees and changes of their own. Each page needs a session, and no other rights.

pub mod consents;
pub mod devices;
pub mod password;
pub mod profile;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::accounts::methods::Enrolled;
use crate::accounts::requirement::{self, Requirement, Step};
use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::browser::Browser;
use crate::clock::UnixSeconds;
use crate::web::html::see_other;

/// Who is signed in. Others are sent to sign in, and those who must choose a password to do that first.
pub struct Account(SignedIn);

impl FromRequestParts<Arc<App>> for Account {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let browser = Browser::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let elsewhere = match browser.signed_in().await.map_err(IntoResponse::into_response)? {
            Some(signed_in) if !must_enrol(&signed_in) => return Ok(Self(signed_in)),
            Some(_) => "/account/password",
            None => "/sign-in",
        };
        Err(see_other(app, elsewhere).into_response())
    }
}

/// Whether the user must set up a method anew before anything else.
fn must_enrol(SignedIn { user, evidence, .. }: &SignedIn) -> bool {
    matches!(requirement::next(evidence, &Enrolled::of(user), &Requirement::default()), Step::Enrol(_))
}

/// A moment as people read it.
fn moment(at: UnixSeconds) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(form).ok()).unwrap_or_default()
}
