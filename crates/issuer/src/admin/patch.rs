//! The fields of a change that sets some fields and leaves the others (RFC 7396).

use serde::{Deserialize, Deserializer};

/// A change of one field. In JSON, an absent member keeps the field, `null` clears it, and a value sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field gets the value that it has if nothing is given for it.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Changes `field`, whose default stands for no value.
    pub fn apply(self, field: &mut T)
    where
        T: Default,
    {
        self.apply_or(field, T::default);
    }

    /// Changes `field`, which is `otherwise` if nothing is given for it.
    pub fn apply_or(self, field: &mut T, otherwise: impl FnOnce() -> T) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = otherwise(),
            Self::Set(value) => *field = value,
        }
    }

    /// Changes `field`, which is `None` if it has no value.
    pub fn apply_optional(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Returns the new value of a field that changes, or `Some(None)` if the field is to have none. `None` if the field stays as it is.
    pub fn given(&self) -> Option<Option<&T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// Returns whether the field stays as it is.
    pub fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An absent member never comes here, because every container has a default.
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}
