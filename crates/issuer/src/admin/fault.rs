//! What is wrong with a field of an input: the field, what was expected there, and its place in a JSON object that was sent.

use std::fmt;

use serde::Serialize;

use crate::oauth::json::escaped;
use crate::oauth::plain_text::as_found;

/// A field of an input that is not valid. Fields carry the names of RFC 7591 or of the database, never those of flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The name of the field, such as `redirect_uris`.
    pub field: &'static str,
    /// The text that follows the word "expected" in messages.
    pub expected: String,
    /// The place of the value in the JSON object of the input, as a JSON pointer (RFC 6901), such as `/redirect_uris`. The face that received
    /// the object adds the index of the item at fault.
    #[serde(skip)]
    pub pointer: String,
    /// The item of the list at `pointer` that is at fault: a text, or a text that is a member of an object.
    #[serde(skip)]
    pub item: Option<String>,
}

impl Fault {
    /// Makes a fault of `field`, which should have been `expected`.
    pub fn new(field: &'static str, expected: impl Into<String>) -> Self {
        Self { field, expected: expected.into(), pointer: format!("/{}", escaped(field)), item: None }
    }

    /// Says that the field is a list of which this item is at fault.
    #[must_use]
    pub fn of_item(mut self, item: impl Into<String>) -> Self {
        self.item = Some(item.into());
        self
    }

    /// Says that the value at fault is a member of the field, of this name, or the item at this index.
    #[must_use]
    pub fn of_member(mut self, name: impl fmt::Display) -> Self {
        self.pointer += &format!("/{}", escaped(&name.to_string()));
        self
    }

    /// Says that the field lies in the member `object` of the input.
    #[must_use]
    pub fn within(mut self, object: &str) -> Self {
        self.pointer = format!("/{}{}", escaped(object), self.pointer);
        self
    }

    /// Gives a fault of the field `own` the name `shown`, under which a form shows that field.
    #[must_use]
    pub fn shown_as(mut self, own: &str, shown: &'static str) -> Self {
        if self.field == own {
            self.field = shown;
        }
        self
    }

    /// Says where in the input the value at fault lies, as a JSON pointer, if it does not lie in a member of the field's name.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// Adds what was found. It must not be a secret.
    #[must_use]
    pub fn found(mut self, found: impl fmt::Display) -> Self {
        self.expected += &format!("; found {}", as_found(&found.to_string()));
        self
    }
}

/// A value that belongs to something else, or once did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The name of the field, such as `username`.
    pub field: &'static str,
    /// A clause that says to what it belongs.
    pub reason: String,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<Taken> for Fault {
    fn from(Taken { field, reason }: Taken) -> Self {
        Self::new(field, format!("another value; {reason}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.field, self.expected)
    }
}
