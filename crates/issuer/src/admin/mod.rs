//! The operations of an administrator: everything that can be done to users, roles, resources, clients, authorizations, sessions
//! and keys. The command line, `/register` and the first start call the same functions.
//!
//! An operation that changes something takes a [`Change`], makes the checks that need the database, writes, records its audit
//! event, and returns what changed. Hashing, key generation and fetching happen before the change begins.

pub mod activity;
pub mod applications;
pub mod attributes;
pub mod audit;
mod audit_object;
pub mod authorizations;
pub mod checks;
pub mod client_claims;
pub mod client_secrets;
pub mod client_streams;
pub mod client_view;
pub mod clients;
pub mod consents;
pub mod csv;
pub mod edit_client;
pub mod edit_resource;
mod fault;
mod faults;
pub mod groups;
pub mod keys;
pub mod member;
mod membership_history;
pub mod names;
pub mod new_client;
pub mod patch;
pub mod permission;
pub mod presets;
pub mod preview;
pub mod registration_tokens;
pub mod resources;
pub mod review;
pub mod roles;
pub mod scope_losses;
pub mod search;
pub mod sessions;
pub mod stale;
pub mod transfer;
pub mod trial;
pub mod users;
pub mod words;

pub use fault::{Fault, Taken};
pub use faults::Faults;
pub use member::MemberView;

use std::fmt;
use std::pin::Pin;

use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{Action, Actor, EndedAccess, Event, Object, record};
use crate::clock::{UnixSeconds, rfc3339_or_none};
use crate::keys::KeyError;
use crate::oauth::client_metadata::MAX_NAME;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::plain_text::is_plain_text;
use crate::pool::Overloaded;
use crate::store::{StoreError, Transaction, commit};

pub use permission::{Needs, Operation, RECENT, Reading};

/// Fails with [`Refused::Stale`] if `version` is not the one that the actor saw before the change.
fn require_version(version: i32, expected: Option<i32>) -> Result<(), Refused> {
    if expected.is_none_or(|expected| expected == version) { Ok(()) } else { Err(Refused::Stale) }
}

/// The reason why an operation was refused. It changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The thing that the operation is about does not exist.
    #[error("there is no {noun} {name}")]
    NotFound {
        /// The kind of thing, such as `user`.
        noun: &'static str,
        /// The name that was given.
        name: String,
    },
    /// The operation does not fit the present state. The text says why.
    #[error("{0}")]
    Conflict(String),
    /// The values of fields belong to something else, or once did. All of them are listed.
    #[error("{}", join(.0))]
    Taken(Vec<Taken>),
    /// The object was changed since its version was read.
    #[error("it was changed meanwhile; read it again and repeat the change")]
    Stale,
    /// Fields of the input are not valid. All of them are listed.
    #[error("{}", join(.0))]
    Invalid(Vec<Fault>),
    /// The actor may not do this.
    #[error("this is not permitted")]
    Forbidden,
    /// The actor holds no scope that permits the operation.
    #[error("{}", needed(*.0))]
    Insufficient(Needs),
    /// The actor may call the operation, but not for this target. The text says why.
    #[error("{0}")]
    Protected(String),
    /// The user must sign in again, because the operation is dangerous.
    #[error("this needs a sign-in that is at most {RECENT} s old; sign in again")]
    StaleAuthentication,
    /// The threads that hash passwords are busy.
    #[error(transparent)]
    Busy(#[from] Overloaded),
    /// Too many URLs of clients were fetched. Another may be fetched after this many seconds.
    #[error("too many URLs of clients were fetched; try again in {0} s")]
    TooManyFetches(u64),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
    /// A signing key or the master key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::overtaken(),
            other => Self::Store(other),
        }
    }
}

/// Returns the text that says which right is missing.
fn needed(needs: Needs) -> String {
    match needs.scopes() {
        [] => "only an operator with a shell on the issuer's machine may do this, with the command signet".to_owned(),
        [only] => format!("this needs the scope {only}"),
        several => format!("this needs one of the scopes {}", several.join(", ")),
    }
}

fn join(faults: &[impl fmt::Display]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Refused {
    /// Makes the refusal that there is no `noun` with this `name`.
    pub fn not_found(noun: &'static str, name: impl fmt::Display) -> Self {
        Self::NotFound { noun, name: name.to_string() }
    }

    /// Makes the refusal of a change whose values or objects another change took or removed after they were found to be free or there.
    fn overtaken() -> Self {
        Self::Conflict("somebody else changed the same at this moment; read it again and repeat the change".to_owned())
    }

    /// Makes the refusal of a value of `field` that belongs to something else, as the `reason` says.
    fn taken(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Taken(vec![Taken { field, reason: reason.into() }])
    }

    /// Makes the refusal of a single field.
    pub fn invalid(field: &'static str, expected: impl Into<String>) -> Self {
        Fault::new(field, expected).into()
    }

    /// Says where the values at fault lie in the input.
    #[must_use]
    pub fn placed(self, place: impl Fn(Fault) -> Fault) -> Self {
        match self {
            Self::Invalid(faults) => Self::Invalid(faults.into_iter().map(place).collect()),
            other => other,
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Invalid(vec![fault])
    }
}

/// For operations that fail at an endpoint of the protocol, such as `/register`.
impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Store(error) => error.into(),
            Refused::Key(error) => error.into(),
            Refused::Busy(error) => error.into(),
            Refused::TooManyFetches(seconds) => Self::new(Code::TooManyAttempts(seconds), refused.to_string()),
            Refused::NotFound { .. }
            | Refused::Conflict(_)
            | Refused::Taken(_)
            | Refused::Stale
            | Refused::Invalid(_)
            | Refused::Forbidden
            | Refused::Insufficient(_)
            | Refused::Protected(_)
            | Refused::StaleAuthentication => Self::invalid_request(refused.to_string()),
        }
    }
}

/// A change by an administrator: the transaction in which one or several operations run.
#[expect(missing_docs, reason = "the names say it")]
pub struct Change<'a> {
    pub app: &'a App,
    /// The user, client or operator that makes the change.
    pub actor: &'a Actor,
    /// The transaction in which all operations of the change run.
    pub transaction: Transaction,
    /// The time of the change, in Unix seconds.
    pub now: UnixSeconds,
    /// The versions of the object on which the change may be made, such as the one that the actor has seen; `None` for any.
    expected: Option<Vec<i32>>,
}

impl<'a> Change<'a> {
    /// Makes a change in a transaction that has already begun, which the caller commits.
    pub fn within(app: &'a App, actor: &'a Actor, transaction: Transaction) -> Self {
        Self { app, actor, transaction, now: app.now(), expected: None }
    }

    /// Fails with [`Refused::Stale`] if `version` is not one on which the change may be made.
    fn require_version(&self, version: i32) -> Result<(), Refused> {
        if self.expected.as_ref().is_none_or(|expected| expected.contains(&version)) { Ok(()) } else { Err(Refused::Stale) }
    }

    /// Lets a second operation of the same change edit the object that the first one edited, whose new version the actor has not seen.
    pub fn expect_own_version(&mut self) {
        self.expected = None;
    }

    /// Records what an operation did to `object`: its view before and after, each `None` if it did not exist then.
    async fn record<V: Serialize>(&self, action: Action, object: Object<'_>, before: Option<&V>, after: Option<&V>) -> Result<(), Refused> {
        let json = |view: Option<&V>| view.and_then(|view| serde_json::to_value(view).ok());
        let event = Event::Changed { action, object, before: json(before), after: json(after) };
        Ok(record(&self.transaction, self.now, self.actor, event).await?)
    }
}

/// The view of a session or of an authorization, as its end is recorded.
#[derive(Serialize)]
struct Lasting<'a, V> {
    #[serde(flatten)]
    view: &'a V,
    #[serde(serialize_with = "rfc3339_or_none")]
    ended_at: Option<UnixSeconds>,
    /// The number of authorizations that ended with a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizations_ended: Option<u64>,
}

/// The numbers of sessions and authorizations that an operation concerns, as the end of all of them is recorded.
#[derive(Serialize)]
struct Access {
    /// The number of live sessions. `None` if the operation ends no sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<usize>,
    /// The number of authorizations that were not ended.
    authorizations: u64,
    /// The numbers that the operation ended; `None` before it.
    #[serde(flatten)]
    ended: Option<EndedAccess>,
}

/// The future of a change's operations. It is boxed, because the handlers of axum need futures that are known to be `Send`, which
/// the futures of async closures are not.
pub type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Refused>> + Send + 'c>>;

/// Runs `work`, which calls operations, in one transaction, and commits it. Nothing is written if `work` fails.
pub async fn change<'a, T>(
    app: &'a App,
    actor: &'a Actor,
    work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
) -> Result<T, Refused> {
    change_expecting(app, actor, None, work).await
}

/// Runs `work` as [`change`] does. It fails with [`Refused::Stale`] if the version of the object that it edits or removes is none of
/// `expected`.
pub async fn change_expecting<'a, T>(
    app: &'a App,
    actor: &'a Actor,
    expected: Option<Vec<i32>>,
    work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
) -> Result<T, Refused> {
    let mut change = Change { expected, ..Change::within(app, actor, app.store.begin().await?) };
    let value = work(&mut change).await?;
    commit(change.transaction).await?;
    Ok(value)
}

/// The part of a list that is to be read.
#[derive(Debug, Clone)]
pub struct Window {
    /// The cursor of the previous page, as [`Listing::next`] gave it; `None` for the first page.
    pub after: Option<String>,
    /// The largest number of items in the page.
    pub limit: u64,
}

impl Window {
    /// Returns the id after which the page begins, in lists that are in the order of ids.
    fn after_id(&self) -> Result<Option<Uuid>, Refused> {
        let after = self.after.as_deref().map(Uuid::try_parse).transpose();
        after.map_err(|_| Refused::invalid("after", "the cursor of the previous page"))
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Listing<V> {
    /// The items, in the order of the list.
    pub items: Vec<V>,
    /// The cursor of the next page; `None` at the end of the list.
    pub next: Option<String>,
}

impl<V> Listing<V> {
    /// Makes the only page of a list that is short.
    pub fn whole(items: Vec<V>) -> Self {
        Self { items, next: None }
    }

    /// Makes a page of at most `limit` of `rows`. The query must have asked for one row more than `limit`, so that its presence
    /// shows that another page follows. `cursor` names a row.
    fn of<R>(mut rows: Vec<R>, limit: u64, cursor: impl Fn(&R) -> String, view: impl FnMut(R) -> V) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_full = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| is_full).map(cursor);
        Self { items: rows.into_iter().map(view).collect(), next }
    }
}

/// Checks a name that pages show to people.
fn check_name(field: &'static str, name: &str) -> Result<(), Fault> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || !is_plain_text(name) {
        let expected = format!("1 to {MAX_NAME} characters, none of them a control character or invisible, such as My shop");
        return Err(Fault::new(field, expected).found(name));
    }
    Ok(())
}
