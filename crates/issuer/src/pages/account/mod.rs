//! Your account: what a person sees and changes of their own. Each page needs a session, and no other rights.

pub mod consents;
pub mod devices;
pub mod password;
pub mod profile;

use axum::response::Response;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::clock::UnixSeconds;
use crate::error::PageError;
use crate::pages::browser::Browser;
use crate::pages::see_other;

/// Who is signed in; or where the browser goes instead: to sign in, or to choose a password where one was made for them.
async fn require(app: &App, browser: &Browser) -> Result<Result<SignedIn, Response>, PageError> {
    match browser.signed_in().await? {
        None => Ok(Err(see_other(app, "/sign-in")?)),
        Some(signed_in) if signed_in.user.password_generated_at.is_some() => Ok(Err(see_other(app, "/account/password")?)),
        Some(signed_in) => Ok(Ok(signed_in)),
    }
}

/// A moment as people read it.
fn moment(at: UnixSeconds) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(at).ok().and_then(|date| date.format(form).ok()).unwrap_or_default()
}
