//! JSON member names, parsed strictly: an object in which a name occurs twice is refused (RFC 7515 §4, RFC 7519 §4). Otherwise
//! two parsers could disagree on which of the two values counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The largest number of members of an object. Tokens have fewer. The limit is needed because the time of the check for
/// duplicates grows with the square of this number.
const MAX_MEMBERS: usize = 64;

/// A member name. It is borrowed from the JSON text if it has no escapes.
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

/// The member names that were seen so far in one object.
pub(crate) struct Seen<'de>(Vec<Cow<'de, str>>);

impl Default for Seen<'_> {
    fn default() -> Self {
        // Room for the members of an ordinary token, so that the list does not have to grow.
        Self(Vec::with_capacity(16))
    }
}

impl<'de> Seen<'de> {
    /// Adds `name`. It fails if the name was seen before, or if the object has too many members.
    pub(crate) fn note<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        if self.0.len() == MAX_MEMBERS {
            return Err(E::custom("too many members"));
        }
        if self.0.contains(&name) {
            return Err(E::custom("a member name occurs twice"));
        }
        self.0.push(name);
        Ok(())
    }
}
