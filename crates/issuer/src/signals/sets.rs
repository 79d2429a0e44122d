//! Makes Security Event Tokens (RFC 8417) of the events in a queue. Each has one event, no `sub` and no `exp` (SSF 1.0, "SET Profile").

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{ANOTHER_SIGN_IN, Action, Face, Kind};
use crate::clock::UnixSeconds;
use crate::keys::signer::TokenType;
use crate::oauth::error::OAuthError;
use crate::oauth::ssf::{EventType, of_session, of_stream, of_user};
use crate::signals::corrupt;
use crate::store::StoreError;
use crate::store::audit_events::{self, AuditRow};
use crate::store::stream_queue::EventRow;
use crate::store::streams::StreamRow;

/// The audit event of a change carries nearly the same time as the change, in seconds: that of a deletion comes from another clock.
const CLOSE: UnixSeconds = 60;
/// The number of audit events in which the cause of a change is looked for.
const MOST_CAUSES: u64 = 200;

#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: UnixSeconds,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    txn: Option<String>,
    sub_id: Value,
    events: Map<String, Value>,
}

/// A SET that is ready to be delivered.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Set {
    pub jti: String,
    pub token: String,
}

/// Returns the `jti` in the details of an event.
pub fn jti(stream: &str, details: &str) -> Result<String, OAuthError> {
    let details: Value = serde_json::from_str(details).map_err(|error| corrupt(stream, error))?;
    details["jti"].as_str().map(str::to_owned).ok_or_else(|| corrupt(stream, "an event has no jti"))
}

/// Signs a SET of `event`, which waits in the queue of `stream`. Each time it says the same, but for the signature.
pub async fn mint(app: &App, stream: &StreamRow, event: &EventRow) -> Result<Set, OAuthError> {
    let kind = EventType::by_name(&event.event).ok_or_else(|| corrupt(&stream.id, format!("the event {}", event.event)))?;
    let mut details: Map<String, Value> = serde_json::from_str(&event.details).map_err(|error| corrupt(&stream.id, error))?;
    details.remove("jti");
    let (jti, iss) = (jti(&stream.id, &event.details)?, app.settings.issuer.as_str());
    let (sub_id, txn) = match event.user_id {
        None => (of_stream(&stream.id), None),
        Some(user) => {
            describe(app, kind, user, event, &mut details).await?;
            let sub = user.to_string();
            let subject = event.sid.as_ref().map_or_else(|| of_user(iss, &sub), |sid| of_session(iss, &sub, sid));
            (subject, Some(transaction(user, event)))
        }
    };
    let events = Map::from_iter([(kind.uri(), details.into())]);
    let claims = Claims { iss, aud: &stream.client_id, iat: event.created_at, jti: &jti, txn, sub_id, events };
    let ring = app.ring().await?;
    let token = ring.signer(app.now())?.sign(TokenType::SecurityEvent, &claims).map_err(OAuthError::server_error)?;
    Ok(Set { jti, token })
}

/// Returns the claim `txn`: the same for all events about a user of one second, in all streams, because one change of an account happens in
/// one second. It tells nothing of the cause itself.
fn transaction(user: Uuid, event: &EventRow) -> String {
    let cause = format!("{user} {}", event.created_at);
    BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, cause.as_bytes()).as_ref()[..16])
}

/// Adds the members of CAEP 1.0 §2 and §3 to the event `members`.
async fn describe(app: &App, kind: EventType, user: Uuid, event: &EventRow, members: &mut Map<String, Value>) -> Result<(), StoreError> {
    members.insert("event_timestamp".to_owned(), event.created_at.into());
    if kind == EventType::CredentialChange {
        members.insert("credential_type".to_owned(), "password".into());
    }
    let at = event.created_at;
    let around = audit_events::about_user(app.store.reader(), user, at - CLOSE, at + CLOSE, MOST_CAUSES).await?;
    let cause = around.iter().filter(|row| caused(kind, event.sid.as_deref(), row)).min_by_key(|row| (row.at - at).abs());
    if let Some(initiator) = cause.and_then(|row| initiator(user, row)) {
        members.insert("initiating_entity".to_owned(), initiator.into());
    }
    let reason = cause.map_or_else(|| without_cause(kind, event.sid.is_some()).to_owned(), reason);
    members.insert("reason_admin".to_owned(), json!({ "en": reason }));
    Ok(())
}

/// Returns whether `row` of the audit trail tells of the change that the event is about.
fn caused(kind: EventType, sid: Option<&str>, row: &AuditRow) -> bool {
    let names: &[&str] = match (kind, sid) {
        (EventType::SessionRevoked, Some(sid)) => {
            let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
            return row.event == Kind::SessionEnded.name() && detail["sid"] == sid;
        }
        (EventType::SessionRevoked, None) => &[Action::UserDisabled.name(), Action::UserDeleted.name(), Action::UsersImported.name()],
        _ => &[Kind::PasswordChanged.name(), Kind::PasswordSetByLink.name(), Action::UserPasswordSet.name(), Action::UsersImported.name()],
    };
    names.contains(&row.event.as_str())
}

/// Returns the cause of the end of a session that `row` names.
fn ended_by(row: &AuditRow) -> Option<String> {
    let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
    detail["by"].as_str().map(str::to_owned)
}

/// Returns who caused the change, in the words of CAEP 1.0 §2 (`initiating_entity`).
fn initiator(user: Uuid, row: &AuditRow) -> Option<&'static str> {
    match row.actor_kind.as_str() {
        "user" if row.actor_id.as_deref() == Some(&user.to_string()) => Some("user"),
        // Somebody else, who need not be an administrator, signed in with the same browser.
        "user" if ended_by(row).as_deref() == Some(ANOTHER_SIGN_IN) => Some("user"),
        // The client passes on that the user signs out.
        "client" if row.face == Face::EndSession.as_str() => Some("user"),
        "user" | "operator" | "client" => Some("admin"),
        "issuer" => Some("system"),
        _ => None,
    }
}

/// Returns a sentence for administrators of the receiver.
fn reason(row: &AuditRow) -> String {
    match (row.event.as_str(), ended_by(row).as_deref()) {
        ("session_ended", Some(by)) => format!("The session was ended by: {}.", by.replace('_', " ")),
        ("session_ended", None) => "An administrator ended the session.".to_owned(),
        ("user_disabled", _) => "The user was disabled.".to_owned(),
        ("user_deleted", _) => "The user was deleted.".to_owned(),
        ("password_changed", _) => "The user changed the password.".to_owned(),
        ("password_set_by_link", _) => "The user set a password by a one-time link.".to_owned(),
        ("user_password_set", _) => "An administrator set the password.".to_owned(),
        _ => "An import changed the user.".to_owned(),
    }
}

fn without_cause(kind: EventType, one_session: bool) -> &'static str {
    match (kind, one_session) {
        (EventType::CredentialChange, _) => "The password was changed.",
        (_, true) => "The session was ended.",
        (_, false) => "All sessions of the user were ended.",
    }
}
