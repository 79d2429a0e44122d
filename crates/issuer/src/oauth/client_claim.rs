//! The claims that an administrator gives a client beside those of its scopes: where the value of each comes from, and its shape.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::oauth::json;

/// A claim of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientClaim {
    /// The name of the claim. A dot in it has no special meaning.
    pub claim: String,
    /// The origin of the value.
    #[serde(flatten)]
    pub source: ClaimSource,
    /// The form of the value.
    pub shape: Shape,
    /// `true` if ID tokens carry the claim, those of a refresh included.
    pub in_id_token: bool,
    /// `true` if UserInfo returns the claim.
    pub in_userinfo: bool,
}

/// The origin of a claim's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum ClaimSource {
    /// A field of the user, one of [`USER_FIELDS`] or of the standard claims.
    User {
        /// The name of the field.
        field: String,
    },
    /// An attribute of the user.
    Attribute {
        /// The name of the attribute.
        attribute: String,
    },
    /// The names of the user's groups that pass the client's filter.
    Groups,
    /// The names of the roles that the user has directly or through a group.
    Roles,
    /// The values of those groups of the map that the user is in.
    GroupMap {
        /// The groups with their values. The first group that the user is in comes first.
        map: Vec<MappedGroup>,
        /// The value for a user who is in none of the groups. Without one such a user has no claim.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<Value>,
    },
    /// The same value for every user.
    Fixed {
        /// The value, at most [`MAX_FIXED_BYTES`] as JSON.
        value: Value,
    },
}

/// A group with the value that a group map gives its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappedGroup {
    /// The name of the group.
    pub group: String,
    /// The value for its members.
    pub value: Value,
}

impl ClientClaim {
    /// Says where the client reads the claim.
    pub fn places(&self) -> &'static str {
        match (self.in_id_token, self.in_userinfo) {
            (true, true) => "ID tokens and UserInfo",
            (true, false) => "ID tokens",
            (false, _) => "UserInfo",
        }
    }
}

impl MappedGroup {
    /// Reads `GROUP=VALUE`, whose value is a text, or `GROUP==JSON`. Each other `=`, in the name or in the value, is written `\=`; `\\` is a
    /// backslash. So a text never means two things, whatever groups there are. Spaces around the name and the value are not part of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text);
        let value = match parts.as_slice() {
            [_, value] => value.trim().into(),
            [_, between, json] if between.trim().is_empty() => parse_json(json)?,
            _ => {
                let expected = "GROUP=VALUE with one =, such as admins=Admin, or GROUP==JSON; write \\= for a = that belongs to the name or the \
                                value";
                return Err(expected.to_owned());
            }
        };
        Ok(Self { group: parts[0].trim().to_owned(), value })
    }
}

/// Splits `text` at each `=`, but for those that are written `\=`; `\\` is a backslash.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut characters) = (Vec::new(), String::new(), text.chars().peekable());
    while let Some(character) = characters.next() {
        if character == '=' {
            parts.push(std::mem::take(&mut part));
            continue;
        }
        let is_escaped = |next: &char| character == '\\' && matches!(next, '=' | '\\');
        part.push(characters.next_if(is_escaped).unwrap_or(character));
    }
    parts.push(part);
    parts
}

fn parse_json(text: &str) -> Result<Value, String> {
    json::parse(text.trim().as_bytes()).map_err(|error| format!("JSON after the second =, such as 7 or [\"a\", \"b\"]; {error}"))
}

/// Reads the value for a user in none of the groups of a map: a text, or JSON after a `=`. As in the map, `\=` is a `=` of a text that begins
/// with one.
pub fn parse_default(text: &str) -> Result<Value, String> {
    match text.trim_start().strip_prefix('=') {
        Some(json) => parse_json(json),
        None => Ok(text.trim_start_matches('\\').strip_prefix('=').map_or(text, |_| &text[1..]).into()),
    }
}

/// Writes what [`parse_default`] reads.
pub fn written_default(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.trim_start_matches('\\').starts_with('=') => format!("\\{text}"),
        Some(text) => text.to_owned(),
        None => format!("={value}"),
    }
}

impl std::fmt::Display for MappedGroup {
    /// Writes what [`MappedGroup::parse`] reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let escaped = |text: &str| text.replace('\\', r"\\").replace('=', r"\=");
        let sign = if self.value.is_string() { "=" } else { "==" };
        write!(f, "{}{sign}{}", escaped(&self.group), escaped(&text(&self.value)))
    }
}

/// The greatest length of a fixed value, and of each value of a group map, in bytes of JSON.
pub const MAX_FIXED_BYTES: usize = 1024;

/// The largest number of characters of a map or of a fixed value in a sentence.
const SHOWN: usize = 300;

/// The fields of a user that are no standard claims.
pub const USER_FIELDS: [&str; 5] = ["sub", "username", "external_id", "email", "email_verified"];

/// Claims that applications take for a statement of the issuer about who the user is and what they may do. What may become one of them is
/// said by [`ClaimSource::check_trusted`].
pub const TRUSTED_CLAIMS: [&str; 5] = ["groups", "roles", "email", "email_verified", "preferred_username"];

impl ClaimSource {
    /// The name of the source, as the database stores it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Attribute { .. } => "attribute",
            Self::Groups => "groups",
            Self::Roles => "roles",
            Self::GroupMap { .. } => "group_map",
            Self::Fixed { .. } => "fixed",
        }
    }

    /// Returns what the value is taken from, in words: the name of the field or the attribute, the groups with their values, or the fixed value.
    /// Empty for groups and roles.
    pub fn of(&self) -> String {
        match self {
            Self::User { field: name } | Self::Attribute { attribute: name } => name.clone(),
            Self::Groups | Self::Roles => String::new(),
            Self::GroupMap { map, default } => {
                let mut entries: Vec<String> = map.iter().map(|entry| format!("{} gives {}", entry.group, entry.value)).collect();
                entries.extend(default.as_ref().map(|value| format!("otherwise {value}")));
                entries.join(", ")
            }
            Self::Fixed { value } => value.to_string(),
        }
    }

    /// Says where the value comes from. At most [`SHOWN`] characters are shown of a map or of a fixed value, which may be long.
    pub fn in_words(&self) -> String {
        let of = self.of();
        let shown: String = of.chars().take(SHOWN).collect();
        let of = if shown.len() == of.len() { of } else { shown + "…" };
        source_in_words(self.name(), Some(of.as_str()).filter(|of| !of.is_empty()))
    }

    /// Checks that the source may become the claim `claim`, if that is one of [`TRUSTED_CLAIMS`]: it must hold what the claim is named after,
    /// and no value that is the same for everybody. An error is the field at fault, and why it is. Whether people may edit an attribute is
    /// not known here.
    pub fn check_trusted(&self, claim: &str) -> Result<(), (&'static str, &'static str)> {
        if !TRUSTED_CLAIMS.contains(&claim) {
            return Ok(());
        }
        let is_about_groups = matches!(claim, "groups" | "roles");
        match self {
            // A user's name or nickname is what they typed, so it does not become an address or a right.
            Self::User { field } if field == claim || claim == "preferred_username" && field == "username" => Ok(()),
            Self::User { .. } => Err(("claim", "another name; applications trust this claim, so it only holds what it is named after")),
            Self::Attribute { .. } => Ok(()),
            Self::Groups | Self::Roles | Self::GroupMap { default: None, .. } if is_about_groups => Ok(()),
            Self::Groups | Self::Roles => {
                Err(("claim", "another name; applications trust this claim, so names of groups and roles must not become it"))
            }
            Self::GroupMap { .. } if is_about_groups => {
                Err(("default", "no value; applications trust this claim, so it must not be the same for everybody who is in no group"))
            }
            Self::GroupMap { .. } => {
                Err(("claim", "another name; applications trust this claim, so the values of a group map must not become it"))
            }
            Self::Fixed { .. } => Err(("claim", "another name; applications trust this claim, so a fixed value must not become it")),
        }
    }
}

/// Says where a value comes from, by the name of the source and what it is taken from, if that is known: the name of the field or the attribute,
/// the groups of the map, or the fixed value.
pub fn source_in_words(source: &str, of: Option<&str>) -> String {
    match (source, of) {
        ("user", Some(field)) => format!("the field {field} of the user"),
        ("group_map", Some(groups)) => format!("the group map: {groups}"),
        ("group_map", None) => "the group map".to_owned(),
        ("fixed", Some(value)) => format!("the fixed value {value}"),
        ("fixed", None) => "a fixed value".to_owned(),
        (source, Some(name)) => format!("the {source} {name}"),
        (source, None) => format!("the {source} of the user"),
    }
}

/// The form in which a claim holds its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// An array of all values, which may be empty.
    List,
    /// The first value.
    First,
    /// All values in one string, separated by commas. Names of groups and roles and values of attributes that hold a comma are left out.
    Comma,
    /// All values in one string, separated by spaces. Those that hold white space are left out in the same way.
    Space,
}

impl Shape {
    /// All shapes, in the order of `--help`.
    pub const ALL: [Self; 4] = [Self::List, Self::First, Self::Comma, Self::Space];

    /// The name of the shape, as the database stores it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::First => "first",
            Self::Comma => "comma",
            Self::Space => "space",
        }
    }

    /// Returns the shape of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.as_str() == name)
    }

    /// Returns `values` in this shape. `None` if there is none, except that a list may be empty.
    pub fn apply(self, values: Vec<Value>) -> Option<Value> {
        let joined = |separator: &str| {
            let texts: Vec<String> = values.iter().map(text).collect();
            (!texts.is_empty()).then(|| json!(texts.join(separator)))
        };
        match self {
            Self::List => Some(values.into()),
            Self::First => values.into_iter().next(),
            Self::Comma => joined(","),
            Self::Space => joined(" "),
        }
    }

    /// Returns whether the shape joins values so that `value` would be read as several, because it holds what separates them.
    pub fn would_split(self, value: &Value) -> bool {
        match self {
            Self::List | Self::First => false,
            Self::Comma => text(value).contains(','),
            // Applications split at other white space, too.
            Self::Space => text(value).contains(char::is_whitespace),
        }
    }
}

/// Returns `value` as the text that stands in a joined value: a string without its quotation marks, everything else as JSON.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
