//! JSON that others send (RFC 8259), read strictly, and refused in words for people who do not know the types of this program.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::oauth::plain_text::as_found;

/// The reason why a text cannot be read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// There is no text.
    #[error("the text is empty")]
    Empty,
    /// The text is no JSON. The reason says where.
    #[error("the text is not JSON: {0}")]
    Syntax(String),
    /// An object has a member twice. Readers do not agree on which of the two counts (RFC 8259 §4).
    #[error("each member of an object must be there once; {} is there twice", as_found(.pointer))]
    Twice {
        /// The JSON pointer of the member.
        pointer: String,
    },
}

/// The reason why a JSON value cannot be read as a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The JSON pointer of the value at fault. If a member is missing, that of the member.
    pub pointer: String,
    /// The text that follows the word "expected", with what was found.
    pub expected: String,
}

/// Escapes a name for a JSON pointer (RFC 6901 §3).
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Parses `text`, in which each object must have each of its members once.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    if text.trim_ascii().is_empty() {
        return Err(JsonError::Empty);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let Strict(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner() {
        // The only error of the data is a name that is there twice, and its text is that name.
        inner if inner.is_data() => {
            let name = inner.to_string();
            let name = name.rsplit_once(" at line ").map_or(name.as_str(), |(name, _)| name);
            JsonError::Twice { pointer: format!("{}/{}", object_pointer(error.path(), name), escaped(name)) }
        }
        inner if inner.is_eof() => JsonError::Syntax("it ends too early".to_owned()),
        // Most of these texts have one line.
        inner => JsonError::Syntax(inner.to_string().replace(" at line 1 column ", " at column ")),
    })?;
    deserializer.end().map_err(|_| JsonError::Syntax("there is text after the value".to_owned()))?;
    Ok(value)
}

/// Returns the pointer of the object in which the member `name` was found twice. The path may end with that member.
fn object_pointer(path: &serde_path_to_error::Path, name: &str) -> String {
    let pointer = pointer(path);
    pointer.strip_suffix(&format!("/{}", escaped(name))).map(str::to_owned).unwrap_or(pointer)
}

/// A value whose objects have each member once.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Strict(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(all.into())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
                let mut all = Map::new();
                while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
                    if all.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(name));
                    }
                }
                Ok(all.into())
            }
        }
        deserializer.deserialize_any(Any).map(Self)
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let segment = |segment: &serde_path_to_error::Segment| match segment {
        serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
        serde_path_to_error::Segment::Map { key } | serde_path_to_error::Segment::Enum { variant: key } => format!("/{}", escaped(key)),
        serde_path_to_error::Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Reads `value` as the type `T`. The error says what is wrong without the names of types.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Unreadable> {
    let error = match serde_path_to_error::deserialize(value) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let (text, pointer) = (error.inner().to_string(), pointer(error.path()));
    // A member whose name or value is at fault may be the last segment already.
    let member = |name: &str| {
        let segment = format!("/{}", escaped(name));
        if pointer.ends_with(&segment) && value.pointer(&pointer).is_none_or(|found| found.get(name).is_none()) {
            pointer.clone()
        } else {
            pointer.clone() + &segment
        }
    };
    if let Some(name) = quoted(&text, "missing field ") {
        return Err(Unreadable {
            pointer: pointer.clone() + "/" + &escaped(name),
            expected: "a value, because it must be given".to_owned(),
        });
    }
    if let Some(name) = quoted(&text, "unknown field ") {
        return Err(Unreadable {
            pointer: member(name),
            expected: format!("{}; found the unknown member {}", names(&text, "the member"), as_found(name)),
        });
    }
    let found = value.pointer(&pointer).unwrap_or(value);
    if let Some(name) = quoted(&text, "unknown variant ") {
        return Err(Unreadable { expected: format!("{}; found {}", names(&text, "the text"), as_found(name)), pointer });
    }
    let Some((_, expected)) = text.split_once(", expected ") else { return Err(Unreadable { pointer, expected: text }) };
    let expected = match expected {
        "a string" | "string" | "str" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "i8" | "i16" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "u8" | "u16" | "u64" | "u128" | "usize" => "a whole number that is not negative".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        "string or map" | "variant identifier" => choices::<T>(value, &pointer),
        _ if expected.contains("enum ") => choices::<T>(value, &pointer),
        plain => plain.replace('`', ""),
    };
    Err(Unreadable { expected: format!("{expected}; found {}", kind(found)), pointer })
}

/// The largest number of members at fault that are told of one value.
const MOST: usize = 100;

/// Reads `value` as the type `T`. Fails with all members that are unknown, or have a wrong type, wherever they lie, and with the first that
/// is missing. Of a list it tells the first wrong item.
pub fn read_all<T: DeserializeOwned>(value: &Value) -> Result<T, Vec<Unreadable>> {
    let (mut rest, mut faults) = (value.clone(), Vec::<Unreadable>::new());
    loop {
        let fault = match read(&rest) {
            Ok(read) if faults.is_empty() => return Ok(read),
            Ok(_) => return Err(faults),
            Err(fault) => fault,
        };
        let goes_on = take_out(&mut rest, &fault.pointer);
        // A member that was taken out for an earlier fault is reported as missing afterwards, which is no fault of the input.
        if !faults.iter().any(|earlier| earlier.pointer == fault.pointer) {
            faults.push(fault);
        }
        if !goes_on || faults.len() == MOST {
            return Err(faults);
        }
    }
}

/// Takes the member at `pointer` out of `value`, or the nearest one around it if nothing lies there, or an item of a list, whose removal would
/// change the indexes of the others. Returns `false` if there is none.
fn take_out(value: &mut Value, pointer: &str) -> bool {
    let mut pointer = pointer;
    while let Some((parent, name)) = pointer.rsplit_once('/') {
        let name = name.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(members)) = value.pointer_mut(parent)
            && members.remove(&name).is_some()
        {
            return true;
        }
        pointer = parent;
    }
    false
}

/// Returns the name in backquotes that follows `beginning` at the beginning of `text`.
fn quoted<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    text.strip_prefix(beginning)?.strip_prefix('`')?.split('`').next()
}

/// Returns the names in backquotes that `text` expects, in words.
fn names(text: &str, what: &str) -> String {
    let expected = text.split_once(", expected ").map_or("", |(_, expected)| expected);
    let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match names.as_slice() {
        [] => "no member".to_owned(),
        [only] => format!("{what} {only}"),
        several => format!("one of {}", several.join(", ")),
    }
}

/// Returns the texts among which the value at `pointer` has to be. Only a text that is none of them makes the reader list them.
fn choices<T: DeserializeOwned>(value: &Value, pointer: &str) -> String {
    let mut other = value.clone();
    if let Some(place) = other.pointer_mut(pointer) {
        *place = Value::from("");
    }
    match serde_path_to_error::deserialize::<_, T>(&other).map_err(|error| error.into_inner().to_string()) {
        Err(text) if text.starts_with("unknown variant ") => names(&text, "the text"),
        _ => "a text".to_owned(),
    }
}

/// The greatest whole number that every reader of JSON keeps, and so does the least (RFC 8259 §6).
pub const MAX_EXACT: u64 = (1 << 53) - 1;

/// Returns whether every reader of JSON reads all numbers in `value` with all digits that they have before the point. Most readers keep numbers
/// as floats of 64 bits.
#[must_use]
pub fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_exact_number(number),
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Does what [`is_exact`] does for one number.
#[must_use]
pub fn is_exact_number(number: &serde_json::Number) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a float holds this number exactly")]
    let most = MAX_EXACT as f64;
    number.as_f64().is_some_and(|amount| amount.abs() <= most)
}

/// Says of which kind a value is. The value itself may be a secret.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(number) if number.is_f64() => "a number that is not whole",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
