//! Sealed requests: interactions that travel in a hidden field of the sign-in page, because nothing is stored for a browser in which nobody
//! has signed in. A sealed request is encrypted and authenticated, expires with its interaction, and is bound to the browser by its cookie.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::browser::Browser;
use crate::interaction::Interaction;
use crate::keys::seal::{self, Purpose};
use crate::oauth::secret;
use crate::web::error::page::PageError;

/// A request that was opened.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedRequest {
    /// [`Browser::visitor_key`] of the browser for which it was sealed.
    visitor: String,
    /// The interaction, in which no step is completed yet.
    pub interaction: Interaction,
}

/// Seals `interaction` for `browser`.
pub fn seal(app: &App, browser: &Browser, interaction: &Interaction) -> Result<String, PageError> {
    let request = SealedRequest { visitor: browser.visitor_key(), interaction: interaction.clone() };
    let json = serde_json::to_vec(&request).map_err(PageError::server_error)?;
    seal::seal(&app.master, Purpose::Request, &json).map_err(PageError::server_error)
}

/// Returns `true` if the value of a form's field `request` is a sealed request. Ids of waiting requests contain no dot.
pub fn is_sealed(value: &str) -> bool {
    value.contains('.')
}

/// Opens a sealed request, even if it has expired. `None` if this issuer did not seal it, or no longer has the key.
pub fn open(app: &App, sealed: &str) -> Option<SealedRequest> {
    let json = seal::unseal(&app.master, Purpose::Request, sealed).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Returns the id under which a sealed request waits after the sign-in. It follows from the sealed value, so that the same request cannot
/// be stored twice.
pub fn id(sealed: &str) -> String {
    secret::key(sealed)
}

impl SealedRequest {
    /// Returns `true` if the request was sealed for `browser`.
    pub fn is_of(&self, browser: &Browser) -> bool {
        browser.sent_visitor() && browser.visitor_key() == self.visitor
    }
}
