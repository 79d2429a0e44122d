//! The faults of an input, over all checks that do not depend on each other: those of its fields alone, and those that read rows.

use crate::admin::{Fault, Refused};

/// The largest number of faults that are told of one input, which may be a list of many thousands of items.
const MOST: usize = 100;

/// Collects faults, so that all of them are told at once, but at most [`MOST`].
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one fault, unless the same item of the same field was found to be wrong already.
    pub fn add(&mut self, fault: Fault) {
        let is_known = |own: &Fault| fault.item.is_some() && (own.field, &own.item) == (fault.field, &fault.item);
        if self.0.len() < MOST && !self.0.iter().any(is_known) {
            self.0.push(fault);
        }
    }

    /// Returns the value of `checked`. Keeps its faults and returns `None` if it is not valid. Fails with every other refusal.
    pub fn keep<T>(&mut self, checked: Result<T, Refused>) -> Result<Option<T>, Refused> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(Refused::Invalid(faults)) => {
                self.extend(faults);
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
            _ => Err(Refused::Invalid(faults.0)),
        }
    }

    /// Returns the value of `checked`. Fails with these faults and those of `checked`, or with another refusal that does not follow from them.
    pub fn with<T>(mut self, checked: Result<T, Refused>) -> Result<T, Refused> {
        if self.0.is_empty() {
            return checked;
        }
        match self.keep(checked) {
            Ok(_) | Err(Refused::Conflict(_)) => Err(Refused::Invalid(self.0)),
            Err(Refused::Taken { field, reason }) => {
                self.add(Fault::taken(field, &reason));
                Err(Refused::Invalid(self.0))
            }
            Err(other) => Err(other),
        }
    }

    /// Adds what is wrong with the other fields of a form of which some could not be read, and returns all of it. `tried` is the outcome of the
    /// operation without those fields, of which nothing was kept.
    pub fn with_others<T>(mut self, tried: Result<T, Refused>) -> Refused {
        match tried {
            Err(Refused::Invalid(others)) => {
                let unread: Vec<&str> = self.0.iter().map(|fault| fault.field).collect();
                let others: Vec<Fault> = others.into_iter().filter(|fault| !unread.contains(&fault.field)).collect();
                self.extend(others);
                Refused::Invalid(self.0)
            }
            Err(Refused::Taken { field, reason }) => {
                self.add(Fault::taken(field, &reason));
                Refused::Invalid(self.0)
            }
            Err(Refused::Conflict(_)) | Ok(_) => Refused::Invalid(self.0),
            Err(other) => other,
        }
    }

    /// Returns whether there is no fault.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails with all faults that were kept, if there are any.
    pub fn refuse(self) -> Result<(), Refused> {
        if self.0.is_empty() { Ok(()) } else { Err(Refused::Invalid(self.0)) }
    }
}

impl Extend<Fault> for Faults {
    fn extend<I: IntoIterator<Item = Fault>>(&mut self, faults: I) {
        for fault in faults {
            self.add(fault);
        }
    }
}
