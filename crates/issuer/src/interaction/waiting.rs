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
use crate::oauth::{redirect_uri, secret};
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

/// Says whether the client was sent a code or an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Answered {
    Code,
    Error,
}

/// The parts of an id, by their numbers of characters: a random part, the time in Unix seconds as hexadecimal digits, and the seal, which
/// only the browser's key makes. The client's id follows in base64url.
const RANDOM: usize = 22;
const TIME: usize = 10;
const SEAL: usize = 16;

/// Makes the id of a request of `client` for the browser with the key `browser`. If the request is no longer stored, the id still tells
/// whether it was made for this browser, when, and for which client, so that a page can say what has happened and lead back.
pub fn new_id(app: &App, browser: &str, client: &str) -> String {
    let begin = format!("{}{:0TIME$x}", app.clock.random_id::<16>(), app.now());
    format!("{begin}{}{}", seal(browser, &begin, client), BASE64_URL_SAFE_NO_PAD.encode(client))
}

fn seal(browser: &str, begin: &str, client: &str) -> String {
    let mut seal = secret::key(&format!("id {begin} {client} {browser}"));
    seal.truncate(SEAL);
    seal
}

/// An id that is not stored, taken apart.
struct Lost<'i> {
    begin: &'i str,
    created_at: UnixSeconds,
    seal: &'i str,
    client: String,
}

impl<'i> Lost<'i> {
    /// `None` if `id` was not made by [`new_id`].
    fn parse(id: &'i str) -> Option<Self> {
        let (begin, rest) = id.split_at_checked(RANDOM + TIME)?;
        let (seal, client) = rest.split_at_checked(SEAL)?;
        let created_at = UnixSeconds::from_str_radix(begin.get(RANDOM..)?, 16).ok()?;
        let client = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(client).ok()?).ok()?;
        Some(Self { begin, created_at, seal, client })
    }

    /// Says what has happened to the request.
    async fn reason(&self, app: &App, browser: &Browser) -> Result<PageError, PageError> {
        let is_of = |key: &str| seal(key, self.begin, &self.client) == self.seal;
        let key = browser.request_key().await?;
        Ok(match key.as_deref() {
            Some(key) if is_of(key) && self.created_at + LIFETIME <= app.now() => PageError::too_old(),
            Some(key) if is_of(key) => PageError::pushed_out(),
            None if is_of(&browser.next_request_key().await?) => PageError::signed_out_since(),
            _ => PageError::unknown_request(),
        })
    }
}

/// The error for the request `id`, which is not stored for this browser. It leads to the client that `id` names, unless the client
/// registered itself, because then anybody could have made up the id to lead people to a site of theirs.
async fn unknown(app: &App, browser: &Browser, id: &str) -> Result<PageError, PageError> {
    let Some(lost) = Lost::parse(id) else { return Ok(PageError::unknown_request()) };
    let error = lost.reason(app, browser).await?.of_client(&lost.client);
    let client = app.store.client(&lost.client).await?.filter(|client| client.enabled && !client.registered_itself);
    Ok(match client {
        Some(client) => leading_to_client(app, error, &client),
        None => error,
    })
}

/// Stores an interaction for `browser`, in which a user has signed in, and returns its id.
pub async fn keep(app: &App, browser: &Browser, interaction: &Interaction) -> Result<String, PageError> {
    let id = new_id(app, &browser.next_request_key().await?, &interaction.client_id);
    adopt(app, browser, &id, interaction).await?;
    Ok(id)
}

/// Stores an interaction for `browser`, in which a user has signed in, under `id`. Returns `false` if an interaction was stored under this
/// id before, even if it has been answered meanwhile.
pub async fn adopt(app: &App, browser: &Browser, id: &str, interaction: &Interaction) -> Result<bool, PageError> {
    let key = browser.request_key().await?.ok_or_else(PageError::session_ended)?;
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
    let Some(row) = found else { return Err(unknown(app, browser, id).await?) };
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

/// Returns the client of `interaction`. Fails with a page if the client may not be answered: it is disabled or removed, or it has lost the
/// redirect URI or the grant since the request arrived.
pub async fn client(app: &App, interaction: &Interaction) -> Result<Client, PageError> {
    let sent = &interaction.target.redirect_uri;
    let may_be_answered = |client: &Client| {
        let registered = client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, sent));
        client.enabled && registered && client.has_grant(Grant::AuthorizationCode.name())
    };
    app.store
        .client(&interaction.client_id)
        .await?
        .filter(may_be_answered)
        .ok_or_else(|| PageError::client_gone().of_client(&interaction.client_id))
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
    error.of_client(&client.id).leading_to(&client.client_name, initiate.or(metadata.client_uri).as_deref())
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

/// Sends the browser to `/authorize/resume`, which decides what comes next for the waiting request `id`.
pub fn resume(app: &App, id: &str) -> Result<Response, PageError> {
    page_for(app, "/authorize/resume", id)
}

fn to_json(interaction: &Interaction) -> Result<String, PageError> {
    serde_json::to_string(interaction).map_err(PageError::server_error)
}
