//! JSON member names, read strictly: a name that stands twice is refused (RFC 7515 §4, RFC 7519 §4), because two parsers
//! may otherwise disagree on which of the two values counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// More members than any honest token has; the check for duplicates is quadratic.
const MAX_MEMBERS: usize = 64;

/// A member name, borrowed from the JSON text where it has no escapes.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member name")
            }
            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The names seen so far in one object.
pub(crate) struct Seen<'de>(Vec<Cow<'de, str>>);

impl Default for Seen<'_> {
    fn default() -> Self {
        // What honest tokens need, at once.
        Self(Vec::with_capacity(16))
    }
}

impl<'de> Seen<'de> {
    /// Notes `name`; an error if it stood before, or if there are too many.
    pub(crate) fn note<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        if self.0.len() == MAX_MEMBERS {
            return Err(E::custom("too many members"));
        }
        if self.0.contains(&name) {
            return Err(E::custom("a member name stands twice"));
        }
        self.0.push(name);
        Ok(())
    }
}
