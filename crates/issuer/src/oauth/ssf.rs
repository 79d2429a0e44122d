//! Values of Shared Signals (SSF 1.0, CAEP 1.0, RFC 8417) and the subject identifiers of RFC 9493, without I/O.

use serde_json::{Map, Value, json};

/// The events that a receiver may request, by the names in the database and by their URIs (CAEP 1.0 §3).
const REQUESTABLE: [EventType; 2] = [EventType::SessionRevoked, EventType::CredentialChange];

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// One session of a user has ended, or all of them.
    SessionRevoked,
    /// The password of a user was set, changed or deleted.
    CredentialChange,
    /// The receiver asked whether the stream works (SSF 1.0, "Verification Event").
    Verification,
    /// The issuer has changed the status of the stream (SSF 1.0, "Stream Updated Event").
    StreamUpdated,
}

impl EventType {
    /// Returns the types that a receiver may request.
    pub fn requestable() -> [Self; 2] {
        REQUESTABLE
    }

    /// Returns the last part of the URI, by which the database names the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::CredentialChange => "credential-change",
            Self::Verification => "verification",
            Self::StreamUpdated => "stream-updated",
        }
    }

    /// Returns the type with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::SessionRevoked, Self::CredentialChange, Self::Verification, Self::StreamUpdated]
            .into_iter()
            .find(|event| event.name() == name)
    }

    /// Returns the URI that is the key in the claim `events`.
    pub fn uri(self) -> String {
        let family = match self {
            Self::SessionRevoked | Self::CredentialChange => "caep",
            Self::Verification | Self::StreamUpdated => "ssf",
        };
        format!("https://schemas.openid.net/secevent/{family}/event-type/{}", self.name())
    }
}

/// How SETs come to their receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The issuer sends them (RFC 8935).
    Push,
    /// The receiver asks for them (RFC 8936).
    Poll,
}

impl Method {
    /// The methods that this issuer supports.
    pub const ALL: [Self; 2] = [Self::Push, Self::Poll];

    /// Returns the URI by which stream configurations name the method.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Push => "urn:ietf:rfc:8935",
            Self::Poll => "urn:ietf:rfc:8936",
        }
    }

    /// Returns the name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Poll => "poll",
        }
    }
}

/// The status of a stream (SSF 1.0, "Stream Status").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Events are sent.
    Enabled,
    /// Events are held, and sent once the stream is enabled.
    Paused,
    /// Events are neither sent nor held.
    Disabled,
}

impl Status {
    /// Returns the name that the specification gives.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    /// Returns the status with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Enabled, Self::Paused, Self::Disabled].into_iter().find(|status| status.name() == name)
    }
}

/// A subject identifier that a receiver may send (RFC 9493 §3.2; SSF 1.0, "Subject Members").
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub enum SubjectId {
    Email {
        email: String,
    },
    IssSub {
        iss: String,
        sub: String,
    },
    Opaque {
        id: String,
    },
    Aliases(Vec<Self>),
    /// An identifier of a format by which this issuer knows nobody, or of less than a whole user.
    Foreign,
}

/// The most identifiers of the format `aliases`.
const MOST_ALIASES: usize = 20;

/// The formats by which this issuer knows nobody, with the members that each has.
const FOREIGN: [(&str, &[&str]); 6] = [
    ("account", &["uri"]),
    ("phone_number", &["phone_number"]),
    ("did", &["url"]),
    ("uri", &["uri"]),
    ("jwt_id", &["iss", "jti"]),
    ("saml_assertion_id", &["issuer", "assertion_id"]),
];

impl SubjectId {
    /// Reads a subject identifier. A member that its format does not describe is refused (RFC 9493 §3). The error says what was expected.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let Some(members) = value.as_object() else { return Err("subject: expected an object with the member format".to_owned()) };
        match members.get("format").and_then(Value::as_str) {
            Some("aliases") => Self::parse_aliases(members),
            Some("complex") => Self::parse_complex(members),
            Some(format) => Self::parse_simple(members, format),
            None => Err("subject.format: expected a text, such as email, iss_sub or opaque".to_owned()),
        }
    }

    fn parse_simple(members: &Map<String, Value>, format: &str) -> Result<Self, String> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let (subject, described) = match format {
            "email" => (text("email").map(|email| Self::Email { email }), &["email"][..]),
            "iss_sub" => (text("iss").zip(text("sub")).map(|(iss, sub)| Self::IssSub { iss, sub }), &["iss", "sub"][..]),
            "opaque" => (text("id").map(|id| Self::Opaque { id }), &["id"][..]),
            "ip-addresses" => {
                let addresses = members.get("ip-addresses").and_then(Value::as_array).filter(|list| !list.is_empty());
                let are_texts = addresses.is_some_and(|list| list.iter().all(Value::is_string));
                (are_texts.then_some(Self::Foreign), &["ip-addresses"][..])
            }
            _ => {
                let Some((_, described)) = FOREIGN.iter().find(|(name, _)| *name == format) else {
                    let known = FOREIGN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                    return Err(format!("subject.format: expected email, iss_sub, opaque, aliases, complex, {known}"));
                };
                (described.iter().all(|name| text(name).is_some()).then_some(Self::Foreign), *described)
            }
        };
        let subject = subject.filter(|_| members.keys().all(|name| name == "format" || described.contains(&name.as_str())));
        subject.ok_or_else(|| format!("subject: expected exactly the members format, {}, each with a value", described.join(", ")))
    }

    /// Reads the format `aliases`: several identifiers of one subject, none of which has that format (RFC 9493 §3.2.8).
    fn parse_aliases(members: &Map<String, Value>) -> Result<Self, String> {
        let expected = || format!("subject.identifiers: expected a list of 1 to {MOST_ALIASES} identifiers of simple formats");
        let identifiers = members.get("identifiers").and_then(Value::as_array).filter(|_| members.len() == 2).ok_or_else(expected)?;
        if identifiers.is_empty() || identifiers.len() > MOST_ALIASES {
            return Err(expected());
        }
        let simple = |identifier: &Value| match Self::parse(identifier)? {
            Self::Aliases(_) => Err(expected()),
            simple => Ok(simple),
        };
        identifiers.iter().map(simple).collect::<Result<_, _>>().map(Self::Aliases)
    }

    /// Reads a Complex Subject. A user alone is that user. With other members it is less than the whole user, such as one session.
    fn parse_complex(members: &Map<String, Value>) -> Result<Self, String> {
        let parts: Vec<(&String, &Value)> = members.iter().filter(|(name, _)| *name != "format").collect();
        if parts.is_empty() || parts.iter().any(|(_, part)| part["format"] == "complex") {
            return Err("subject: expected a complex subject with members such as user, each of a simple format".to_owned());
        }
        let mut subject = Self::Foreign;
        for (name, part) in &parts {
            let parsed = Self::parse(part)?;
            if *name == "user" && parts.len() == 1 {
                subject = parsed;
            }
        }
        Ok(subject)
    }
}

/// Returns the subject identifier of a user, by issuer and `sub`.
pub fn of_user(iss: &str, sub: &str) -> Value {
    json!({ "format": "iss_sub", "iss": iss, "sub": sub })
}

/// Returns the subject identifier of one session of a user: a Complex Subject, which concerns no other session (SSF 1.0, "Complex
/// Subjects").
pub fn of_session(iss: &str, sub: &str, sid: &str) -> Value {
    json!({ "format": "complex", "user": of_user(iss, sub), "session": { "format": "opaque", "id": sid } })
}

/// Returns the subject identifier of a stream.
pub fn of_stream(id: &str) -> Value {
    json!({ "format": "opaque", "id": id })
}

/// Returns the member `name` of a request, which must be a text if it is there.
pub fn text<'b>(body: &'b Map<String, Value>, name: &str) -> Result<Option<&'b str>, String> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name}: expected a text")),
    }
}
