//! One line of an imported file: a JSON object with the fields of a user, each of which is checked on its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::accounts::methods::hashes::StoredHash;
use crate::accounts::username;
use crate::admin::Fault;
use crate::admin::users::{check_email, check_external_id, check_full_name};
use crate::clock::{UnixSeconds, parse_date};
use crate::oauth::json;
use crate::oauth::standard_claims::{StandardClaims, TEXT_CLAIMS};

/// The longest line, in bytes.
pub const MAX_LINE: usize = 64 * 1024;
/// The last second of the year 9999, after which an export could not write a time as a date.
const LAST_TIME: UnixSeconds = 253_402_300_799;

/// A field that may be null. `None` stands for a field that is absent, and `Some(None)` for one that is null.
type Given<T> = Option<Option<T>>;

/// The fields of a line, with the names of the REST API.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UserLine {
    pub id: Option<Uuid>,
    pub username: String,
    pub email: Given<String>,
    pub email_verified: Option<bool>,
    pub name: Given<String>,
    pub external_id: Given<String>,
    pub enabled: Option<bool>,
    pub claims: Option<StandardClaims>,
    pub password_hash: Given<String>,
    pub password_generated_at: Given<UnixSeconds>,
    pub created_at: Option<UnixSeconds>,
    pub updated_at: Option<UnixSeconds>,
    pub last_sign_in_at: Given<UnixSeconds>,
    pub roles: Option<BTreeSet<String>>,
    pub groups: Option<BTreeSet<String>>,
    pub attributes: Option<BTreeMap<String, Value>>,
    pub typed_attributes: Option<BTreeSet<String>>,
    /// What is wrong with the line itself. A field that is named here counts as absent.
    pub faults: Vec<Fault>,
}

/// The names of all fields.
const FIELDS: &str = "id, username, email, email_verified, name, external_id, enabled, claims, password_hash, password_generated_at, \
                      created_at, updated_at, last_sign_in_at, roles, groups, attributes, typed_attributes";

/// The fields of a line that were not read yet, and the faults of those that were.
struct Reader {
    fields: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Reads a field by `parse`, which returns `None` if the value is not as `expected`. Returns `None` if the field is absent.
    fn read<T>(&mut self, field: &'static str, expected: &str, parse: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.fields.remove(field)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            let fault = Fault::new(field, expected);
            // A value that is no text may be anything, so it is not shown.
            self.faults.push(value.as_str().map_or(fault.clone(), |found| fault.found(found)));
        }
        parsed
    }

    /// Reads a field that may be null.
    fn read_or_null<T>(&mut self, field: &'static str, expected: &str, parse: impl FnOnce(&Value) -> Option<T>) -> Given<T> {
        self.read(field, expected, |value| if value.is_null() { Some(None) } else { parse(value).map(Some) })
    }

    /// Reads a text that may be null by the `check` of the other faces.
    fn text(&mut self, field: &'static str, check: fn(&str) -> Result<(), Fault>) -> Given<String> {
        let fault = match self.fields.remove(field)? {
            Value::Null => return Some(None),
            Value::String(text) => match check(&text) {
                Ok(()) => return Some(Some(text)),
                Err(fault) => fault,
            },
            // The empty text is none of the allowed ones, so its fault says what is expected.
            _ => check("").err().unwrap_or_else(|| Fault::new(field, "a text")),
        };
        self.faults.push(fault);
        None
    }

    fn password_hash(&mut self) -> Given<String> {
        match self.fields.remove("password_hash")? {
            Value::Null => Some(None),
            hash => match StoredHash::import(&hash) {
                Ok(text) => Some(Some(text)),
                Err(error) => {
                    self.faults.push(Fault::new("password_hash", error.to_string()));
                    None
                }
            },
        }
    }

    fn claims(&mut self) -> Option<StandardClaims> {
        let object = self.read("claims", "an object of texts, such as {\"given_name\": \"Alice\"}", |value| value.as_object().cloned())?;
        let mut claims = StandardClaims::default();
        for (claim, value) in object {
            // The full name is the field `name`.
            let known = TEXT_CLAIMS.into_iter().find(|known| *known == claim && claim != "name");
            let set = match (known, value.as_str()) {
                (Some(_), Some(text)) => claims.set(&claim, text).map_err(|error| error.to_string()),
                (Some(_), None) => Err("a text".to_owned()),
                (None, _) => Err(format!("claims among {}", TEXT_CLAIMS.join(", "))),
            };
            if let Err(expected) = set {
                let fault = Fault::new(known.unwrap_or("claims"), expected);
                self.faults.push(if known.is_some() { fault } else { fault.found(&claim) });
            }
        }
        Some(claims)
    }
}

fn time(value: &Value) -> Option<UnixSeconds> {
    value.as_i64().or_else(|| parse_date(value.as_str()?)).filter(|seconds| (0..=LAST_TIME).contains(seconds))
}

fn names(value: &Value) -> Option<BTreeSet<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

impl UserLine {
    /// Parses a line. Fails if it is no JSON object; all faults of its fields are told with those that the database shows.
    pub fn parse(text_of_line: &[u8]) -> Result<Self, Fault> {
        const TIME: &str = "a time from 1970 to 9999 such as 2026-11-24T10:00:00Z, or Unix seconds";
        let text_of_line = std::str::from_utf8(text_of_line)
            .map_err(|error| Fault::new("line", format!("text in UTF-8; byte {} of the line is not", error.valid_up_to() + 1)))?;
        let expected = |expected: String| Fault::new("line", format!("a JSON object {expected}"));
        let fields = match json::parse(text_of_line.as_bytes()) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(expected("such as {\"username\": \"alice\"}".to_owned())),
            Err(error) => return Err(expected(format!("on one line, such as {{\"username\": \"alice\"}}; {error}"))),
        };
        let mut reader = Reader { fields, faults: Vec::new() };
        let id = reader.read("id", "a UUID, or no id", |value| Uuid::try_parse(value.as_str()?).ok().filter(|id| !id.is_nil()));
        let username = match reader.fields.remove("username").as_ref().map(Value::as_str) {
            Some(Some(typed)) => username::validate(typed).map_err(|error| Fault::new("username", error.to_string()).found(typed)),
            _ => Err(Fault::new("username", "a text such as alice")),
        };
        let username = username.unwrap_or_else(|fault| {
            reader.faults.push(fault);
            String::new()
        });
        let mut line = Self {
            id,
            username,
            email: reader.text("email", check_email),
            email_verified: reader.read("email_verified", "true or false", Value::as_bool),
            name: reader.text("name", check_full_name),
            external_id: reader.text("external_id", check_external_id),
            enabled: reader.read("enabled", "true or false", Value::as_bool),
            claims: reader.claims(),
            password_hash: reader.password_hash(),
            password_generated_at: reader.read_or_null("password_generated_at", TIME, time),
            created_at: reader.read("created_at", TIME, time),
            updated_at: reader.read("updated_at", TIME, time),
            last_sign_in_at: reader.read_or_null("last_sign_in_at", TIME, time),
            roles: reader.read("roles", "a list of names of roles", names),
            groups: reader.read("groups", "a list of names of groups", names),
            attributes: reader.read("attributes", "an object of the attributes and their values", |value| {
                Some(value.as_object()?.clone().into_iter().collect())
            }),
            typed_attributes: reader.read("typed_attributes", "a list of names of attributes", names),
            faults: Vec::new(),
        };
        line.faults = reader.faults;
        line.faults.extend(reader.fields.keys().map(|unknown| Fault::new("field", format!("one of {FIELDS}")).found(unknown)));
        Ok(line)
    }

    /// Returns whether something is wrong with the field itself.
    pub fn is_faulty(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }
}
