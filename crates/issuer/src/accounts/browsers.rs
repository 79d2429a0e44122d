//! The browser in which a user signs in, and the cookie by which it shows that later. The row of the browser is found by a key that does not
//! change when the cookie does, so that a request finds out what another request of the same browser has done meanwhile.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::app::App;
use crate::clock::{HOUR, UnixSeconds};
use crate::oauth::secret;
use crate::store::browsers::{self, BrowserRow};
use crate::store::{ConnectionTrait, StoreError};

/// The row of a browser that has signed out stays for this many seconds, so that a sign-in that was under way finds it.
const KEEP: UnixSeconds = HOUR;

/// The browser that sends a request.
#[derive(Debug, Clone)]
pub struct ThisBrowser {
    /// The key of its row.
    pub key: String,
    /// The hash of the id in the cookie that it sent; `None` if it sent none.
    pub cookie: Option<String>,
}

/// The cookie that the browser must have from now on.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BrowserCookie {
    pub id: String,
    pub row: BrowserRow,
}

/// Returns the hash by which the cookie with this id is found.
pub fn hash(id: &str) -> String {
    secret::key(id)
}

/// Returns the row of the browser with the key `key`, locked until the commit. If the browser is new, the row names no session.
pub(super) async fn enter(db: &impl ConnectionTrait, key: &str, now: UnixSeconds) -> Result<BrowserRow, StoreError> {
    let blank = BrowserRow {
        request_key: key.to_owned(),
        sid: String::new(),
        id_hash: None,
        seed: String::new(),
        csrf: String::new(),
        spent_csrf: String::new(),
        created_at: now,
        expires_at: now + KEEP,
    };
    browsers::enter(db, blank).await
}

/// Lets the browser go on in the session `sid`, in the transaction that has locked `row`. The cookie gets a new id, so that a copy of the old
/// one opens nothing. It keeps the id only if another request of `browser` has renewed it a moment ago in the same session, such as the first
/// of two clicks: then both answers set the same cookie, and it does not matter which comes last.
pub(super) async fn go_on(
    app: &App,
    db: &impl ConnectionTrait,
    mut row: BrowserRow,
    browser: &ThisBrowser,
    sid: &str,
) -> Result<BrowserCookie, StoreError> {
    if row.sid != sid {
        sid.clone_into(&mut row.sid);
        row.csrf = random(app);
        row.spent_csrf.clear();
    } else if row.id_hash != browser.cookie
        && let Some(cookie) = current(app, &row)?
    {
        return Ok(cookie);
    }
    renew(app, db, row).await
}

/// Gives the browser a new cookie and a new CSRF token after a form with the token `form` has changed the password, in the transaction that has
/// locked `row`.
pub(super) async fn spend(app: &App, db: &impl ConnectionTrait, mut row: BrowserRow, form: &str) -> Result<BrowserCookie, StoreError> {
    row.csrf = random(app);
    form.clone_into(&mut row.spent_csrf);
    renew(app, db, row).await
}

async fn renew(app: &App, db: &impl ConnectionTrait, mut row: BrowserRow) -> Result<BrowserCookie, StoreError> {
    row.seed = random(app);
    let id = id(app, &row)?;
    row.id_hash = Some(hash(&id));
    // The session may end earlier, because its own row in `sessions` has the idle lifetime.
    row.expires_at = app.now() + app.settings.session_absolute_lifetime;
    browsers::store(db, &row).await?;
    Ok(BrowserCookie { id, row })
}

/// Returns the cookie that the browser of `row` has or is about to get. `None` if it has signed out, or if the master key has changed since.
pub fn current(app: &App, row: &BrowserRow) -> Result<Option<BrowserCookie>, StoreError> {
    let id = id(app, row)?;
    Ok((row.id_hash.as_deref() == Some(hash(&id).as_str())).then(|| BrowserCookie { id, row: row.clone() }))
}

/// Makes the cookie of `row` worthless, in the transaction that has locked the row. The row goes on to name the session, which is over.
pub(super) async fn leave(db: &impl ConnectionTrait, row: BrowserRow, now: UnixSeconds) -> Result<(), StoreError> {
    browsers::store(db, &BrowserRow { id_hash: None, expires_at: now + KEEP, ..row }).await
}

fn id(app: &App, row: &BrowserRow) -> Result<String, StoreError> {
    app.master.cookie_id(&row.seed).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Returns a random value of 16 bytes, in base64url.
pub fn random(app: &App) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(app.clock.random_bytes::<16>())
}
