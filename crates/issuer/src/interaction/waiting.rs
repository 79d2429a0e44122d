//! Waiting requests: interactions that are stored while the user completes their steps. A waiting request belongs to the browser in which
//! it began, so that nobody can prepare one for another user, or finish one that is not theirs.

use axum::response::Response;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use url::Url;

use crate::app::App;
use crate::browser::Browser;
use crate::clock::UnixSeconds;
use crate::grants::Grant;
use crate::grants::authorization_code::{REPEATABLE, StoredRequest};
use crate::interaction::Interaction;
use crate::oauth::redirect_uri;
use crate::store::clients::Client;
use crate::store::waiting_requests::{self, Answer, RequestRow};
use crate::web::error::page::PageError;
use crate::web::html::see_other;

/// How long a request waits for the user, in seconds.
pub const LIFETIME: UnixSeconds = 3600;

/// An interaction that is stored for one browser.
pub struct WaitingRequest {
    /// The id by which pages refer to it.
    pub id: String,
    browser: String,
    stored: String,
    /// The interaction as it was stored; [`WaitingRequest::save`] stores changes to it.
    pub interaction: Interaction,
    /// How the request was answered a moment ago, in this session of this browser. It may be answered in the same way again, because the
    /// browser drops the answer to a first click when a second one follows. `None` if the request still waits.
    pub answered: Option<Answered>,
}

/// The number of characters of the random part of an id.
const RANDOM_PART: usize = 22;

/// Makes the id of a request of `client`: a random part, and the client's id. So a page can lead to the client even if the request
/// is no longer stored.
pub fn new_id(app: &App, client: &str) -> String {
    format!("{}{}", app.clock.random_id::<16>(), BASE64_URL_SAFE_NO_PAD.encode(client))
}

/// The error for the request `id`, which is not stored for this browser. It leads to the client that `id` names, unless the client
/// registered itself, because then anybody could have made up the id to lead people to a site of theirs.
async fn unknown(app: &App, id: &str) -> Result<PageError, PageError> {
    let error = PageError::unknown_request();
    let name =
        id.get(RANDOM_PART..).and_then(|name| BASE64_URL_SAFE_NO_PAD.decode(name).ok()).and_then(|name| String::from_utf8(name).ok());
    let client = match name.as_deref() {
        None | Some("") => None,
        Some(name) => app.store.client(name).await?.filter(|client| client.enabled && !client.registered_itself),
    };
    Ok(match client {
        Some(client) => leading_to_client(app, error, &client),
        None => error,
    })
}

/// Stores an interaction for `browser`, in which a user has signed in, and returns its id.
pub async fn keep(app: &App, browser: &Browser, interaction: &Interaction) -> Result<String, PageError> {
    let id = new_id(app, &interaction.client_id);
    adopt(app, browser, &id, interaction).await?;
    Ok(id)
}

/// Stores an interaction for `browser`, in which a user has signed in, under `id`. Returns `false` if an interaction was stored under this
/// id before, even if it has been answered meanwhile.
pub async fn adopt(app: &App, browser: &Browser, id: &str, interaction: &Interaction) -> Result<bool, PageError> {
    let key = browser.request_key().await?.ok_or_else(PageError::signed_out_meanwhile)?;
    Ok(waiting_requests::insert(app.store.writer(), id, &key, &to_json(interaction)?, app.now()).await?)
}

/// Returns the request `id` of this browser, with its client. Otherwise fails with a page that says why the request cannot go on and where
/// to start again: it is unknown, was answered, has waited longer than [`LIFETIME`], or its client may not be answered any more. A request
/// that was answered a moment ago in the same session is returned once more.
pub async fn require(app: &App, browser: &Browser, id: &str) -> Result<(Client, WaitingRequest), PageError> {
    let found = match browser.request_key().await? {
        Some(key) => waiting_requests::find(app.store.writer(), id, &key).await?,
        None => None,
    };
    let Some(row) = found else { return Err(unknown(app, id).await?) };
    let interaction: Interaction = serde_json::from_str(&row.request).map_err(PageError::server_error)?;
    let client = client(app, &interaction).await?;
    let answered = match row.answered_at {
        None => None,
        Some(_) => Some(answered_now(app, browser, &row).await?.ok_or_else(|| answered(app, &client))?),
    };
    let waiting = WaitingRequest { id: row.id, browser: row.browser, stored: row.request, interaction, answered };
    check_age(app, &client, &waiting.interaction)?;
    Ok((client, waiting))
}

/// Returns the client of `interaction`. Fails with a page if the client may not be answered: it is disabled or removed, or it has lost the
/// redirect URI or the grant since the request arrived.
pub async fn client(app: &App, interaction: &Interaction) -> Result<Client, PageError> {
    let sent = &interaction.target.redirect_uri;
    let may_be_answered = |client: &Client| {
        let registered = client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, sent));
        client.enabled && registered && client.has_grant(Grant::AuthorizationCode.name())
    };
    app.store.client(&interaction.client_id).await?.filter(may_be_answered).ok_or_else(PageError::client_gone)
}

/// Fails with a page that leads to `client` if `interaction` is older than [`LIFETIME`].
pub fn check_age(app: &App, client: &Client, interaction: &Interaction) -> Result<(), PageError> {
    if interaction.created_at + LIFETIME > app.now() { Ok(()) } else { Err(leading_to_client(app, PageError::too_old(), client)) }
}

/// Adds a link by which the person starts again at `client`, if it has registered one. `iss` tells the client which issuer it is (OpenID
/// Connect Core §4).
pub fn leading_to_client(app: &App, error: PageError, client: &Client) -> PageError {
    let metadata = client.metadata().unwrap_or_default();
    let initiate = metadata
        .initiate_login_uri
        .and_then(|uri| Url::parse_with_params(&uri, [("iss", app.settings.issuer.as_str())]).map(String::from).ok());
    error.leading_to(&client.client_name, initiate.or(metadata.client_uri).as_deref())
}

impl WaitingRequest {
    /// Stores the changed interaction. If another tab has stored a change since this one was read, that change stays.
    pub async fn save(&self, app: &App) -> Result<(), PageError> {
        let request = to_json(&self.interaction)?;
        Ok(waiting_requests::replace(app.store.writer(), &self.id, &self.browser, &self.stored, &request).await?)
    }

    /// Marks the request as answered with an error, by `browser`. Fails with a page if it was answered before, unless that was a moment ago, in
    /// the same session, with an error too.
    pub async fn refuse(&self, app: &App, browser: &Browser, client: &Client) -> Result<(), PageError> {
        let sid = browser.signed_in().await?.map(|signed_in| signed_in.session.sid);
        let answer = Answer { id: &self.id, browser: &self.browser, sid: sid.as_deref(), code: None };
        if waiting_requests::take(app.store.writer(), answer, app.now()).await? {
            return Ok(());
        }
        let row = waiting_requests::find(app.store.writer(), &self.id, &self.browser).await?;
        let before = match row {
            Some(row) => answered_now(app, browser, &row).await?,
            None => None,
        };
        if before == Some(Answered::Error) { Ok(()) } else { Err(answered(app, client)) }
    }

    /// Fails with a page if the request was answered already, because then there is no further step.
    pub fn must_wait(&self, app: &App, client: &Client) -> Result<(), PageError> {
        if self.answered.is_none() { Ok(()) } else { Err(answered(app, client)) }
    }

    /// Returns the request as the grant names it.
    pub fn stored(&self) -> StoredRequest<'_> {
        StoredRequest { id: &self.id, browser: &self.browser }
    }
}

/// Sends the browser to the page at `path` for the waiting request `id`.
pub fn page_for(app: &App, path: &str, id: &str) -> Result<Response, PageError> {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    see_other(app, &format!("{path}?request={id}"))
}

/// Returns how the request `row` was answered, if that was at most [`REPEATABLE`] seconds ago, in the session in which the browser is signed in
/// now.
async fn answered_now(app: &App, browser: &Browser, row: &RequestRow) -> Result<Option<Answered>, PageError> {
    let since = app.now() - REPEATABLE;
    let Some(sid) = row.answered_in.as_ref().filter(|_| row.answered_at.is_some_and(|at| at > since)) else { return Ok(None) };
    let same = browser.signed_in().await?.is_some_and(|signed_in| signed_in.session.sid == *sid);
    let answered = if row.code_hash.is_some() { Answered::Code } else { Answered::Error };
    Ok(same.then_some(answered))
}

/// The page that says that the request was answered before. It leads to `client`.
pub fn answered(app: &App, client: &Client) -> PageError {
    leading_to_client(app, PageError::answered(), client)
}

/// Sends the browser to `/authorize/resume`, which decides what comes next for the waiting request `id`.
pub fn resume(app: &App, id: &str) -> Result<Response, PageError> {
    page_for(app, "/authorize/resume", id)
}

fn to_json(interaction: &Interaction) -> Result<String, PageError> {
    serde_json::to_string(interaction).map_err(PageError::server_error)
}
