//! Separates what is personal in the states before and after a change from the rest.

use serde_json::{Map, Value};

use crate::audit::event::{Event, Object};

/// The fields of users, sessions and authorizations that are not personal. Every other field is, so that a field that is added later is
/// never kept longer than it should be.
const NOT_PERSONAL: &[&str] = &[
    "access_version",
    "authorizations",
    "authorizations_ended",
    "client_id",
    "created_at",
    "credential_version",
    "disabled_at",
    "email_verified",
    "enabled",
    "ended_at",
    "expires_at",
    "groups",
    "id",
    "last_sign_in_at",
    "last_used_at",
    "password",
    "roles",
    "scope",
    "sessions",
    "sessions_ended",
    "sid",
    "signed_in_at",
    "updated_at",
    "version",
];

/// A state as JSON, in two parts.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The part that is not personal; `None` if there was no such state.
    pub public: Option<String>,
    /// The personal part; `None` if there is none.
    pub personal: Option<String>,
}

/// Returns the states before and after `event`.
pub(super) fn split(event: &Event<'_>) -> (State, State) {
    let Event::Changed { object, before, after, .. } = event else { return Default::default() };
    let is_of_person = matches!(object, Object::User(..) | Object::Authorization(..) | Object::Session(..));
    let state = |value: &Option<Value>| match value {
        None => State::default(),
        Some(Value::Object(fields)) if is_of_person => {
            let (public, personal): (Map<_, _>, Map<_, _>) =
                fields.clone().into_iter().partition(|(name, _)| NOT_PERSONAL.contains(&name.as_str()));
            let personal = Some(personal).filter(|personal| !personal.is_empty());
            State {
                public: Some(Value::Object(public).to_string()),
                personal: personal.map(|personal| Value::Object(personal).to_string()),
            }
        }
        Some(other) if is_of_person => State { public: Some("{}".to_owned()), personal: Some(other.to_string()) },
        Some(other) => State { public: Some(other.to_string()), personal: None },
    };
    (state(before), state(after))
}
