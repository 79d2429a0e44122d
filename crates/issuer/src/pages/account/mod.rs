//! The account pages, on which people see and change what is theirs. Each page needs a session, but no other right.

mod access;
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
use crate::oauth::scope::is_administration;
use crate::pages::next_page;
use crate::store::users::User;
use crate::web::html::see_other;

/// The user who is signed in. A browser without a session is redirected to the sign-in page, and a user who must replace a generated
/// password is redirected to the password page.
pub struct Account(pub(in crate::pages) SignedIn);

impl FromRequestParts<Arc<App>> for Account {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let browser = Browser::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let elsewhere = match browser.signed_in().await.map_err(IntoResponse::into_response)? {
            Some(signed_in) if !must_enrol(&signed_in) => return Ok(Self(signed_in)),
            Some(_) => next_page::leading_back("/account/password", parts),
            None => next_page::leading_back("/sign-in", parts),
        };
        Err(see_other(app, &elsewhere).into_response())
    }
}

/// Returns `true` if the user must set up an authentication method anew before they may do anything else.
fn must_enrol(SignedIn { user, evidence, .. }: &SignedIn) -> bool {
    matches!(requirement::next(evidence, &Enrolled::of(user), &Requirement::default()), Step::Enrol(_))
}

/// Where the account pages lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tabs {
    /// Nowhere, because the user must first choose another password.
    Forced,
    /// To each other.
    Own,
    /// To each other and to the administration.
    Administrator,
}

impl Tabs {
    fn of(user: &User) -> Self {
        match user.password_generated_at {
            Some(_) => Self::Forced,
            None if user.scopes.iter().any(|scope| is_administration(scope)) => Self::Administrator,
            None => Self::Own,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template passes a reference")]
    fn is_forced(&self) -> bool {
        *self == Self::Forced
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template passes a reference")]
    fn is_of_administrator(&self) -> bool {
        *self == Self::Administrator
    }
}

/// Formats a time for people, such as `7 March 2026, 14:05 UTC`.
pub(in crate::pages) fn moment(at: UnixSeconds) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(form).ok()).unwrap_or_default()
}

/// Formats a time to the second, such as `7 March 2026, 14:05:09 UTC`, where it tells things apart that were done within a minute.
pub(in crate::pages) fn second(at: UnixSeconds) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute]:[second] UTC");
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(form).ok()).unwrap_or_default()
}

/// Names the browser and the system that a `User-Agent` header stands for, so that people recognise their own devices.
pub(in crate::pages) fn browser_name(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    // Most browsers also name others, so a name that others use comes after theirs: Edge names Chrome, and both name Safari.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("Chrom", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}
