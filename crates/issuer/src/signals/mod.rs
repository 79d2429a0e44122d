//! Shared Signals (SSF 1.0, CAEP 1.0): clients keep streams at the issuer, and learn by them of sessions that end and passwords that change.
//! docs/shared-signals.md says what is promised.

pub mod configuration;
pub mod poll;
pub mod sets;
pub mod status;
pub mod streams;
pub mod subjects;

use crate::app::App;
use crate::audit::Actor;
use crate::oauth::error::{Code, OAuthError};
use crate::store::clients::Client;
use crate::store::streams::{self as store, StreamRow};
use crate::store::{ConnectionTrait, StoreError, Transaction};

/// The client that sent a request about its streams. It sees no others.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Receiver<'a> {
    pub app: &'a App,
    pub client: &'a Client,
    pub actor: &'a Actor,
}

impl Receiver<'_> {
    /// Returns the stream `id` of this client.
    async fn find(&self, db: &impl ConnectionTrait, id: &str) -> Result<StreamRow, OAuthError> {
        store::find(db, &self.client.id, id).await?.ok_or_else(not_found)
    }

    /// Begins a transaction that has locked the stream `id` of this client.
    async fn lock(&self, id: &str) -> Result<(Transaction, StreamRow), OAuthError> {
        let transaction = self.app.store.begin().await?;
        let row = store::lock(&transaction, &self.client.id, id).await?.ok_or_else(not_found)?;
        Ok((transaction, row))
    }
}

/// The greatest length of a text of a receiver that is stored, in characters.
const MAX_TEXT: usize = 255;

/// Returns `text` without control characters, cut off after [`MAX_TEXT`] characters. Administrators see it.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// The answer about a stream that does not exist, and about one of another client.
fn not_found() -> OAuthError {
    OAuthError::new(Code::NotFound, "stream_id: expected the id of a stream of this client; there is none with this id")
}

/// The answer to a request whose member is wrong. `expected` begins with the name of the member.
fn invalid(expected: impl Into<String>) -> OAuthError {
    OAuthError::invalid_request(expected)
}

/// The error of a row that cannot be read.
fn corrupt(stream: &str, error: impl std::fmt::Display) -> OAuthError {
    StoreError::Corrupt(format!("stream {stream}: {error}")).into()
}
