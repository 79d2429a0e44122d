//! Waiting requests: interactions that are stored while the user completes their steps. A waiting request belongs to the browser in which
//! it began, so that nobody can prepare one for another user, or finish one that is not theirs.

use axum::response::Response;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::app::App;
use crate::browser::Browser;
use crate::clock::UnixSeconds;
use crate::grants::Grant;
use crate::interaction::Interaction;
use crate::oauth::redirect_uri;
use crate::store::clients::Client;
use crate::store::waiting_requests;
use crate::web::error::page::PageError;
use crate::web::html::see_other;

/// How long a request waits for the user, in seconds.
pub const LIFETIME: UnixSeconds = 3600;

/// An interaction that is stored for one browser.
pub struct WaitingRequest {
    /// The random id by which pages refer to it.
    pub id: String,
    browser: String,
    stored: String,
    /// The interaction as it was stored; [`WaitingRequest::save`] stores changes to it.
    pub interaction: Interaction,
}

/// Stores an interaction for `browser` and returns its random id.
pub async fn keep(app: &App, browser: &Browser, interaction: &Interaction) -> Result<String, PageError> {
    let id = BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<16>());
    let key = browser.request_key().await?;
    waiting_requests::insert(app.store.writer(), &id, &key, &to_json(interaction)?, app.now()).await?;
    Ok(id)
}

/// Returns the request `id`, even if it is too old to go on; `None` if it does not belong to this browser.
pub async fn find(app: &App, browser: &Browser, id: &str) -> Result<Option<WaitingRequest>, PageError> {
    let Some(key) = browser.known_request_key().await? else { return Ok(None) };
    let Some(stored) = waiting_requests::find(app.store.writer(), id, &key).await? else { return Ok(None) };
    let interaction = serde_json::from_str(&stored).map_err(PageError::server_error)?;
    Ok(Some(WaitingRequest { id: id.to_owned(), browser: key, stored, interaction }))
}

/// Returns the request `id` of this browser, with its client. Fails with the page "expired" if the request is unknown, if it has waited
/// longer than [`LIFETIME`], or if its client may no longer be answered: it is disabled, or it has lost the redirect URI or the grant.
pub async fn require(app: &App, browser: &Browser, id: &str) -> Result<(Client, WaitingRequest), PageError> {
    let waiting = find(app, browser, id).await?.ok_or_else(PageError::expired)?;
    let client = app.store.client(&waiting.interaction.client_id).await?.filter(|client| may_be_answered(client, &waiting.interaction));
    if waiting.interaction.created_at + LIFETIME <= app.now() {
        waiting.take(app).await?;
        return Err(PageError::expired());
    }
    Ok((client.ok_or_else(PageError::expired)?, waiting))
}

fn may_be_answered(client: &Client, interaction: &Interaction) -> bool {
    let sent = &interaction.target.redirect_uri;
    let registered = client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, sent));
    client.enabled && registered && client.has_grant(Grant::AuthorizationCode.name())
}

impl WaitingRequest {
    /// Stores the changed interaction. If another tab has stored a change since this one was read, that change stays.
    pub async fn save(&self, app: &App) -> Result<(), PageError> {
        let request = to_json(&self.interaction)?;
        Ok(waiting_requests::replace(app.store.writer(), &self.id, &self.browser, &self.stored, &request).await?)
    }

    /// Deletes the request so that it can be answered. Returns `false` if another tab has already done so.
    pub async fn take(&self, app: &App) -> Result<bool, PageError> {
        Ok(waiting_requests::take(app.store.writer(), &self.id, &self.browser).await?)
    }
}

/// Sends the browser to the page at `path` for the waiting request `id`.
pub fn page_for(app: &App, path: &str, id: &str) -> Result<Response, PageError> {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    see_other(app, &format!("{path}?request={id}"))
}

/// Sends the browser to `/authorize/resume`, which decides what comes next for the waiting request `id`.
pub fn resume(app: &App, id: &str) -> Result<Response, PageError> {
    page_for(app, "/authorize/resume", id)
}

fn to_json(interaction: &Interaction) -> Result<String, PageError> {
    serde_json::to_string(interaction).map_err(PageError::server_error)
}
