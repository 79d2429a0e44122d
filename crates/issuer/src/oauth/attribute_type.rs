//! The attributes that operators declare for users: their types, who may see and change them, and the values that they may have.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::oauth::joiners;
use crate::oauth::json::{MAX_EXACT, is_exact_number};
use crate::oauth::plain_text::is_plain_text;

/// The largest number of values of one attribute of one user.
pub const MOST_VALUES: usize = 20;
/// The longest value, in bytes.
pub const LONGEST_VALUE: usize = 1024;
/// The longest pattern, in bytes.
pub const LONGEST_PATTERN: usize = 256;
/// The largest size of a compiled pattern, in bytes.
const PATTERN_MEMORY: usize = 64 * 1024;

/// The type of an attribute's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AttributeType {
    String,
    Number,
    Boolean,
}

impl AttributeType {
    /// Every type, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::String, Self::Number, Self::Boolean];

    /// Returns the name that the database stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    /// Returns the type with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// The people who may see an attribute, or change its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Administrators, and nobody else.
    Admin,
    /// Administrators, and the person whose attribute it is.
    User,
}

impl Audience {
    /// Both audiences, in the order in which messages list them.
    pub const ALL: [Self; 2] = [Self::Admin, Self::User];

    /// Returns the name that the database stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// Returns the audience with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// The rules for the values of an attribute.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct ValueRules {
    pub value_type: AttributeType,
    pub multi_valued: bool,
    /// The least length of a string in characters, or the least number.
    pub min: Option<i64>,
    /// The greatest length of a string in characters, or the greatest number.
    pub max: Option<i64>,
    /// The regular expression that a whole string must match.
    pub pattern: Option<String>,
    /// The pattern as [`compile`] returned it. It is compiled when the first value is checked, and kept for the next ones.
    pub compiled: OnceLock<Option<Regex>>,
}

/// Compiles a pattern, which must match a whole value. Returns `None` if it is no regular expression, or is too large. The time that
/// a match takes grows only linearly with the value, whatever the pattern is.
pub fn compile(pattern: &str) -> Option<Regex> {
    let fits = pattern.len() <= LONGEST_PATTERN;
    // The pattern is compiled alone first, because `a)|(b` would be one only between the brackets.
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_MEMORY).dfa_size_limit(PATTERN_MEMORY).build().ok();
    fits.then(|| build(pattern)).flatten().and_then(|_| build(&format!("^(?:{pattern})$")))
}

impl ValueRules {
    /// Checks `values`, and returns them as they are stored: a text exactly as it is, a number in its shortest form. No value is no fault,
    /// because it removes the attribute from the user. Fails with the text that follows "expected".
    pub fn check(&self, values: &[String]) -> Result<Vec<String>, String> {
        if !self.multi_valued && values.len() > 1 {
            return Err("one value".to_owned());
        }
        if values.len() > MOST_VALUES {
            return Err(format!("at most {MOST_VALUES} values"));
        }
        let mut checked = Vec::new();
        for value in values {
            let value = self.one(value).ok_or_else(|| self.expected())?;
            if !checked.contains(&value) {
                checked.push(value);
            }
        }
        Ok(checked)
    }

    fn one(&self, value: &str) -> Option<String> {
        match self.value_type {
            AttributeType::Boolean => ["true", "false"].contains(&value).then(|| value.to_owned()),
            AttributeType::Number => {
                let number = number(value).filter(is_exact_number)?;
                let amount = number.as_f64()?;
                #[expect(clippy::cast_precision_loss, reason = "bounds beyond 2^53 need not be exact")]
                let inside = self.min.is_none_or(|min| amount >= min as f64) && self.max.is_none_or(|max| amount <= max as f64);
                inside.then(|| number.to_string())
            }
            AttributeType::String => {
                let length = i64::try_from(value.chars().count()).ok()?;
                let inside = self.min.is_none_or(|min| length >= min) && self.max.is_none_or(|max| length <= max);
                let is_trimmed = !value.is_empty() && value.trim() == value;
                let plain = is_trimmed && value.len() <= LONGEST_VALUE && is_plain_text(&joiners::without_allowed(value));
                let matches = self.pattern.as_deref().is_none_or(|pattern| {
                    let compiled = self.compiled.get_or_init(|| compile(pattern));
                    compiled.as_ref().is_some_and(|compiled| compiled.is_match(value))
                });
                (inside && plain && matches).then(|| value.to_owned())
            }
        }
    }

    /// Describes a value that is allowed.
    pub fn expected(&self) -> String {
        let range = |unit: &str| match (self.min, self.max) {
            (Some(min), Some(max)) => format!(" of {min} to {max}{unit}"),
            (Some(min), None) => format!(" of at least {min}{unit}"),
            (None, Some(max)) => format!(" of at most {max}{unit}"),
            (None, None) => String::new(),
        };
        match self.value_type {
            AttributeType::Boolean => "true or false".to_owned(),
            // Without bounds the greatest number is named, because readers of JSON lose digits of a greater one.
            AttributeType::Number if self.min.or(self.max).is_none() => format!("a number from -{MAX_EXACT} to {MAX_EXACT}"),
            AttributeType::Number => format!("a number{}", range("")),
            AttributeType::String => {
                let pattern = self.pattern.as_ref().map_or(String::new(), |pattern| format!(", which matches {pattern}"));
                let length =
                    if self.min.or(self.max).is_some() { range(" characters") } else { format!(" of at most {LONGEST_VALUE} bytes") };
                format!(
                    "a text{length}{pattern}, without control characters or characters that nobody sees, and without spaces at the ends"
                )
            }
        }
    }

    /// Returns stored values as JSON: a list if the attribute can have several, otherwise the value itself.
    pub fn to_json(&self, values: &[String]) -> Value {
        let one = |value: &String| match self.value_type {
            AttributeType::String => Value::from(value.as_str()),
            AttributeType::Boolean => Value::from(value == "true"),
            AttributeType::Number => number(value).map_or(Value::Null, Value::Number),
        };
        if self.multi_valued { values.iter().map(one).collect() } else { values.first().map_or(Value::Null, one) }
    }
}

/// Parses a number of JSON that a 64-bit float or integer can hold.
fn number(text: &str) -> Option<Number> {
    let short = text.len() <= 32;
    short.then(|| serde_json::from_str::<Number>(text).ok()).flatten().filter(|number| number.as_f64().is_some_and(f64::is_finite))
}

/// Returns the texts of a value that was given as JSON: a string, number or boolean, or a list of these. `null` is no value. Returns `None`
/// if it is anything else.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        _ => None,
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(one).collect(),
        single => one(single).map(|text| vec![text]),
    }
}
