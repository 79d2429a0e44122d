//! The standard claims about users (OpenID Connect Core §5.1), and the scopes that give them (§5.4).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::oauth::joiners;
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::scope::ScopeSet;

/// Every claim about a user with the scope that gives it, in the order of the specification. The last two are not of OpenID Connect Core;
/// many applications read them.
pub const CLAIMS: [(&str, &str); 21] = [
    ("name", "profile"),
    ("given_name", "profile"),
    ("family_name", "profile"),
    ("middle_name", "profile"),
    ("nickname", "profile"),
    ("preferred_username", "profile"),
    ("profile", "profile"),
    ("picture", "profile"),
    ("website", "profile"),
    ("gender", "profile"),
    ("birthdate", "profile"),
    ("zoneinfo", "profile"),
    ("locale", "profile"),
    ("updated_at", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
    ("address", "address"),
    ("phone_number", "phone"),
    ("phone_number_verified", "phone"),
    ("groups", "groups"),
    ("roles", "roles"),
];

/// The claims that can be set by name, because they are stored as text. Here the members of `address` count as claims.
pub const TEXT_CLAIMS: [&str; 18] = [
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
    "name",
];

/// The greatest length of a value, in characters.
const MAX_LENGTH: usize = 200;

/// The claims of a user that have no column of their own. The members of `address` are stored next to the other claims.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StandardClaims(std::collections::BTreeMap<String, String>);

/// The reason why a claim cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// No claim of that name can be set.
    #[error("one of {}", TEXT_CLAIMS.join(", "))]
    Unknown,
    /// The value is too long, has control characters, or begins or ends with a space.
    #[error("at most {MAX_LENGTH} characters, without control characters or characters that nobody sees, and without spaces at the ends")]
    Text,
    /// The value is not a URL. Clients show it as a link.
    #[error("an https or http URL")]
    Url,
    /// The value is not a date in a form that OpenID Connect Core §5.1 allows.
    #[error("a date such as 1990-12-31, or a year")]
    Date,
    /// The value is not in E.164 form, which OpenID Connect Core §5.1 recommends.
    #[error("a number such as +49 30 901820")]
    Phone,
}

impl StandardClaims {
    /// Parses the JSON text that the database stores. Text that is not valid gives no claims.
    pub fn from_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_default()
    }

    /// The JSON text that the database stores.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The value of `name`; empty if the claim is not set.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets `name` to `value`, exactly as it is. An empty value removes the claim.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ClaimError> {
        check(name, value)?;
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// Sets `claim`. The claim `name`, the full name, has a column of its own and so is written to the argument `name`.
    pub fn set_with_name(&mut self, name: &mut Option<String>, claim: &str, value: &str) -> Result<(), ClaimError> {
        if claim != "name" {
            return self.set(claim, value);
        }
        check(claim, value)?;
        *name = Some(value.to_owned()).filter(|name| !name.is_empty());
        Ok(())
    }

    /// The `address` claim (§5.1.1). `None` if no member of it is set.
    pub fn address(&self) -> Option<Value> {
        let members = ["street_address", "locality", "region", "postal_code", "country"];
        let given: Map<String, Value> =
            members.iter().filter(|name| !self.get(name).is_empty()).map(|name| ((*name).to_owned(), self.get(name).into())).collect();
        if given.is_empty() {
            return None;
        }
        let [street, locality, region, code, country] = members.map(|name| self.get(name));
        let city = format!("{code} {locality}");
        let lines = [street, city.trim(), region, country];
        let formatted = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        let mut address = given;
        address.insert("formatted".to_owned(), formatted.into());
        Some(address.into())
    }
}

/// Checks that the claim `name` may have the value `value`. The empty value, which removes a claim, is always allowed.
pub fn check(name: &str, value: &str) -> Result<(), ClaimError> {
    if !TEXT_CLAIMS.contains(&name) {
        return Err(ClaimError::Unknown);
    }
    let lines = if name == "street_address" { value.replace('\n', " ") } else { value.to_owned() };
    if !is_line(&lines) || value.trim() != value {
        return Err(ClaimError::Text);
    }
    let fits = |check: fn(&str) -> bool| value.is_empty() || check(value);
    match name {
        "profile" | "picture" | "website" if !fits(is_web_url) => Err(ClaimError::Url),
        "birthdate" if !fits(is_date) => Err(ClaimError::Date),
        "phone_number" if !fits(is_phone_number) => Err(ClaimError::Phone),
        _ => Ok(()),
    }
}

/// Returns whether `text` is a single line of at most 200 characters that people see as it is. It may contain joiners where its script needs
/// them; the names of clients may not, because a client chooses its name to be taken for another.
pub fn is_line(text: &str) -> bool {
    text.chars().count() <= MAX_LENGTH && is_plain_text(&joiners::without_allowed(text))
}

fn is_web_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, digits: usize| part.parse::<u8>().ok().filter(|_| part.len() == digits);
    let year = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [only] => year(only),
        [first, month, day] => {
            let month = number(month, 2).and_then(|month| time::Month::try_from(month).ok());
            let days = month.map(|month| month.length(first.parse().unwrap_or(2000)));
            year(first) && number(day, 2).zip(days).is_some_and(|(day, days)| (1..=days).contains(&day))
        }
        _ => false,
    }
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.starts_with('+') && (5..=15).contains(&digits) && text.chars().skip(1).all(|c| c.is_ascii_digit() || " -.()".contains(c))
}

/// The scopes that give the claims in `names`, so that the user can be asked to consent to them. Unknown names are skipped.
pub fn scopes_of<'n>(names: impl Iterator<Item = &'n str>) -> ScopeSet {
    let scope = |name: &str| CLAIMS.iter().find(|(claim, _)| *claim == name).map(|(_, scope)| *scope);
    names.filter_map(scope).collect()
}
