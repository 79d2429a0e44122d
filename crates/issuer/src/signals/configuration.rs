//! The configuration of a stream (SSF 1.0, "Stream Configuration"): what a receiver may say, and what it is told.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use crate::app::App;
use crate::keys::seal::{Purpose, seal};
use crate::oauth::error::OAuthError;
use crate::oauth::ssf::{EventType, Method, text};
use crate::signals::{corrupt, invalid, shortened};
use crate::store::streams::StreamRow;

/// The shortest time between two requests for a verification event of one stream, in seconds.
pub const MIN_VERIFICATION_INTERVAL: i64 = 60;
/// The most types of events that a receiver may request.
const MOST_EVENTS: usize = 50;
/// The greatest length of the URI of an event, in bytes.
const MAX_EVENT: usize = 300;
/// The greatest length of the URL of a receiver, in bytes.
const MAX_URL: usize = 2048;
/// The greatest length of the header that a receiver wants, in bytes.
const MAX_HEADER: usize = 4096;

/// The members that the issuer chooses. A receiver may repeat them, but not change them.
const OURS: [&str; 5] = ["iss", "aud", "events_supported", "events_delivered", "min_verification_interval"];

/// The part of a configuration that the receiver chooses.
#[derive(Debug)]
pub struct Draft {
    events_requested: Vec<String>,
    delivery: Delivery,
    description: Option<String>,
}

#[derive(Debug)]
enum Delivery {
    Poll,
    Push { endpoint_url: String, authorization_header: Header },
}

#[derive(Debug)]
enum Header {
    /// The header that was given before, which nobody is shown.
    Kept,
    New(Option<SecretString>),
}

impl Draft {
    /// Reads the configuration of a new stream, or the one that replaces that of `current`. What is missing gets its default.
    pub fn whole(app: &App, body: &Map<String, Value>, current: Option<&StreamRow>) -> Result<Self, OAuthError> {
        if let Some(current) = current {
            refuse_other_values(app, body, current)?;
        }
        Ok(Self {
            events_requested: events(body.get("events_requested"))?,
            delivery: delivery(app, body.get("delivery"), current, Header::New(None))?,
            description: description(body)?,
        })
    }

    /// Reads the members of the configuration of `current` that are to change; the others stay.
    pub fn merged(app: &App, body: &Map<String, Value>, current: &StreamRow) -> Result<Self, OAuthError> {
        refuse_other_values(app, body, current)?;
        let events_requested = match body.get("events_requested") {
            None => requested(current)?,
            given => events(given)?,
        };
        let description = if body.contains_key("description") { description(body)? } else { current.description.clone() };
        let delivery = match (body.get("delivery"), &current.endpoint_url) {
            (None, Some(url)) => Delivery::Push { endpoint_url: url.clone(), authorization_header: Header::Kept },
            (None, None) => Delivery::Poll,
            (given, _) => delivery(app, given, Some(current), Header::Kept)?,
        };
        Ok(Self { events_requested, delivery, description })
    }

    /// Returns `row` with this configuration.
    pub fn apply(self, app: &App, row: StreamRow) -> Result<StreamRow, OAuthError> {
        let wants = |event: EventType| self.events_requested.contains(&event.uri());
        let (method, endpoint_url, authorization_header) = match &self.delivery {
            Delivery::Poll => (Method::Poll, None, None),
            Delivery::Push { endpoint_url, authorization_header } => {
                let header = match authorization_header {
                    // A header is a secret between the issuer and one URL.
                    Header::Kept => row.authorization_header.clone().filter(|_| row.endpoint_url.as_ref() == Some(endpoint_url)),
                    Header::New(None) => None,
                    Header::New(Some(header)) => {
                        let sealed = seal(&app.master, Purpose::Header, header.expose_secret().as_bytes());
                        Some(sealed.map_err(OAuthError::server_error)?)
                    }
                };
                (Method::Push, Some(endpoint_url.clone()), header)
            }
        };
        Ok(StreamRow {
            method: method.name().to_owned(),
            session_revoked: wants(EventType::SessionRevoked),
            credential_change: wants(EventType::CredentialChange),
            events_requested: json!(self.events_requested).to_string(),
            endpoint_url,
            authorization_header,
            description: self.description,
            ..row
        })
    }
}

/// Returns the configuration of a stream, as its receiver is told. The header of the receiver is left out.
pub fn shown(app: &App, row: &StreamRow) -> Result<Value, OAuthError> {
    let supported = EventType::requestable();
    let delivered = supported.into_iter().filter(|event| match event {
        EventType::SessionRevoked => row.session_revoked,
        EventType::CredentialChange => row.credential_change,
        EventType::Verification | EventType::StreamUpdated => false,
    });
    let mut shown = json!({
        "stream_id": row.id,
        "iss": app.settings.issuer.as_str(),
        "aud": row.client_id,
        "delivery": { "method": method(row).uri(), "endpoint_url": row.endpoint_url.clone().unwrap_or_else(|| poll_url(app, &row.id)) },
        "events_supported": supported.map(EventType::uri),
        "events_requested": requested(row)?,
        "events_delivered": delivered.map(EventType::uri).collect::<Vec<_>>(),
        "min_verification_interval": MIN_VERIFICATION_INTERVAL,
    });
    if let (Some(description), Some(members)) = (&row.description, shown.as_object_mut()) {
        members.insert("description".to_owned(), description.as_str().into());
    }
    Ok(shown)
}

/// Returns how the events of a stream come to their receiver.
pub fn method(row: &StreamRow) -> Method {
    if row.method == Method::Push.name() { Method::Push } else { Method::Poll }
}

fn requested(row: &StreamRow) -> Result<Vec<String>, OAuthError> {
    serde_json::from_str(&row.events_requested).map_err(|error| corrupt(&row.id, error))
}

fn poll_url(app: &App, id: &str) -> String {
    app.settings.issuer.endpoint(&format!("/ssf/poll/{id}"))
}

/// Refuses a member that the issuer chooses if it has another value than in the configuration of `current`.
fn refuse_other_values(app: &App, body: &Map<String, Value>, current: &StreamRow) -> Result<(), OAuthError> {
    let own = shown(app, current)?;
    match OURS.into_iter().find(|name| body.get(*name).is_some_and(|given| !given.is_null() && *given != own[*name])) {
        Some(name) => Err(invalid(format!("{name}: the issuer chooses it; expected the value that it has, or no such member"))),
        None => Ok(()),
    }
}

fn events(given: Option<&Value>) -> Result<Vec<String>, OAuthError> {
    let given = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(given) => given.as_array().map(Vec::as_slice).filter(|events| events.len() <= MOST_EVENTS),
    };
    let uri = |event: &Value| event.as_str().filter(|uri| uri.len() <= MAX_EVENT).map(str::to_owned);
    let events = given.and_then(|events| events.iter().map(uri).collect::<Option<Vec<_>>>());
    events.ok_or_else(|| invalid(format!("events_requested: expected a list of at most {MOST_EVENTS} URIs of events")))
}

fn description(body: &Map<String, Value>) -> Result<Option<String>, OAuthError> {
    let description = text(body, "description").map_err(invalid)?;
    Ok(description.map(shortened).filter(|text| !text.is_empty()))
}

/// Reads the member `delivery`. `unless_given` is the header of the receiver if the member has none.
fn delivery(app: &App, given: Option<&Value>, current: Option<&StreamRow>, unless_given: Header) -> Result<Delivery, OAuthError> {
    let members = match given {
        // SSF 1.0, "Creating a Stream": without the member, the method is poll.
        None | Some(Value::Null) => return Ok(Delivery::Poll),
        Some(given) => given.as_object().ok_or_else(|| invalid("delivery: expected an object with the member method"))?,
    };
    let url = text(members, "endpoint_url").map_err(invalid)?;
    match text(members, "method").map_err(invalid)? {
        Some(method) if method == Method::Poll.uri() => {
            let own = current.map(|row| poll_url(app, &row.id));
            if url.is_some() && url != own.as_deref() {
                return Err(invalid("endpoint_url: the issuer chooses it for the method poll; expected no such member"));
            }
            Ok(Delivery::Poll)
        }
        Some(method) if method == Method::Push.uri() => {
            let url = url.filter(|url| is_allowed(app, url));
            let endpoint_url = url.ok_or_else(|| {
                invalid("endpoint_url: expected an https URL of the public internet, such as https://app.example.com/events")
            })?;
            let authorization_header = match members.get("authorization_header") {
                None => unless_given,
                Some(_) => Header::New(header(members)?),
            };
            Ok(Delivery::Push { endpoint_url: endpoint_url.to_owned(), authorization_header })
        }
        _ => Err(invalid(format!("method: expected {} (push) or {} (poll)", Method::Push.uri(), Method::Poll.uri()))),
    }
}

fn header(members: &Map<String, Value>) -> Result<Option<SecretString>, OAuthError> {
    let fits = |header: &&str| {
        !header.is_empty() && header.len() <= MAX_HEADER && header.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    };
    match text(members, "authorization_header").map_err(invalid)? {
        None => Ok(None),
        Some(header) => match Some(header).filter(fits) {
            Some(header) => Ok(Some(header.into())),
            None => Err(invalid(format!("authorization_header: expected at most {MAX_HEADER} printable ASCII characters"))),
        },
    }
}

/// Returns whether events may be pushed to `url`. Where its name leads is checked at each delivery.
fn is_allowed(app: &App, url: &str) -> bool {
    let Ok(parsed) = Url::parse(url) else { return false };
    app.fetcher.allows(&parsed) && parsed.fragment().is_none() && url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic())
}
