//! Sealed requests: interactions that travel in a hidden field of the sign-in page, because nothing is stored for a browser in which nobody
//! has signed in. A sealed request is encrypted and authenticated, expires with its interaction, and is bound to the browser by its cookie.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::browser::Browser;
use crate::interaction::{Interaction, waiting};
use crate::keys::seal::{self, Purpose};
use crate::web::error::page::PageError;

/// A request that was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SealedRequest {
    /// The id under which the request waits after the sign-in, so that it is stored once, even if it was sealed again.
    pub id: String,
    /// [`Browser::visitor_key`] of the browser for which it was sealed.
    visitor: String,
    /// The interaction, in which no step is completed yet.
    pub interaction: Interaction,
}

impl SealedRequest {
    /// Makes a request of `interaction` for `browser`.
    pub async fn new(app: &App, browser: &Browser, interaction: &Interaction) -> Result<Self, PageError> {
        let id = waiting::new_id(app, &browser.next_request_key().await?, &interaction.client_id);
        Ok(Self { id, visitor: browser.visitor_key(), interaction: interaction.clone() })
    }

    /// Makes the same request for `browser`, whose cookie was replaced since the request was sealed.
    #[must_use]
    pub fn rebound(self, browser: &Browser) -> Self {
        Self { visitor: browser.visitor_key(), ..self }
    }

    /// Seals the request.
    pub fn seal(&self, app: &App) -> Result<String, PageError> {
        let json = serde_json::to_vec(self).map_err(PageError::server_error)?;
        seal::seal(&app.master, Purpose::Request, &json).map_err(PageError::server_error)
    }

    /// Returns `true` if the request was sealed for `browser`.
    pub fn is_of(&self, browser: &Browser) -> bool {
        browser.sent_visitor() && browser.visitor_key() == self.visitor
    }
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
