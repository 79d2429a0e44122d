//! The faults of an input, over all checks that do not depend on each other: those of its fields alone, and those that read rows.

use crate::admin::{Fault, Refused, Taken};

/// The largest number of faults that are told of one input, which may be a list of many thousands of items.
const MOST: usize = 100;

/// Collects faults, so that all of them are told at once, but at most [`MOST`].
#[derive(Debug, Default)]
pub struct Faults {
    invalid: Vec<Fault>,
    taken: Vec<Taken>,
}

impl Faults {
    /// Adds one fault, unless the same item of the same field was found to be wrong already.
    pub fn add(&mut self, fault: Fault) {
        let is_known = |own: &Fault| fault.item.is_some() && (own.field, &own.item) == (fault.field, &fault.item);
        if self.invalid.len() < MOST && !self.invalid.iter().any(is_known) {
            self.invalid.push(fault);
        }
    }

    /// Returns the value of `checked`. Keeps its faults and returns `None` if values are not valid or taken. Fails with every other refusal.
    pub fn keep<T>(&mut self, checked: Result<T, Refused>) -> Result<Option<T>, Refused> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(Refused::Invalid(faults)) => {
                self.extend(faults);
                Ok(None)
            }
            Err(Refused::Taken(taken)) => {
                self.taken.extend(taken);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Returns both values. Fails with the faults of both, or with any other refusal of one of them.
    pub fn of_both<A, B>(one: Result<A, Refused>, other: Result<B, Refused>) -> Result<(A, B), Refused> {
        let mut faults = Self::default();
        match (faults.keep(one)?, faults.keep(other)?) {
            (Some(one), Some(other)) => Ok((one, other)),
            _ => Err(faults.into_refusal()),
        }
    }

    /// Returns the value of `checked`. Fails with these faults and those of `checked`, or with another refusal that does not follow from them.
    pub fn with<T>(mut self, checked: Result<T, Refused>) -> Result<T, Refused> {
        if self.is_empty() {
            return checked;
        }
        match self.keep(checked) {
            Ok(_) | Err(Refused::Conflict(_)) => Err(self.into_refusal()),
            Err(other) => Err(other),
        }
    }

    /// Adds what is wrong with the other fields of a form of which some could not be read, and returns all of it. `tried` is the outcome of the
    /// operation without those fields, of which nothing was kept.
    pub fn with_others<T>(mut self, tried: Result<T, Refused>) -> Refused {
        let unread: Vec<&str> = self.invalid.iter().map(|fault| fault.field).collect();
        let tried = match tried {
            Err(Refused::Invalid(mut others)) => {
                others.retain(|fault| !unread.contains(&fault.field));
                Err(Refused::Invalid(others))
            }
            tried => tried,
        };
        match self.keep(tried) {
            Ok(_) | Err(Refused::Conflict(_)) => self.into_refusal(),
            Err(other) => other,
        }
    }

    /// Returns whether there is no fault.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.invalid.is_empty() && self.taken.is_empty()
    }

    /// Fails with all faults that were kept, if there are any.
    pub fn refuse(self) -> Result<(), Refused> {
        if self.is_empty() { Ok(()) } else { Err(self.into_refusal()) }
    }

    /// Returns the refusal of an input whose faults are these. It is that of taken values if nothing else is wrong.
    fn into_refusal(mut self) -> Refused {
        if self.invalid.is_empty() {
            return Refused::Taken(self.taken);
        }
        let taken = std::mem::take(&mut self.taken);
        self.extend(taken.into_iter().map(Fault::from));
        Refused::Invalid(self.invalid)
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        for fault in faults {
            self.add(fault);
        }
    }
}
