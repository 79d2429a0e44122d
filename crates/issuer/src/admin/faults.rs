//! The faults of an input, over all checks that do not depend on each other: those of its fields alone, and those that read rows.

use crate::admin::{Fault, Refused};

/// Collects faults, so that all of them are told at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one fault, unless the same item of the same field was found to be wrong already.
    pub fn add(&mut self, fault: Fault) {
        let is_known = |own: &Fault| fault.item.is_some() && (own.field, &own.item) == (fault.field, &fault.item);
        if !self.0.iter().any(is_known) {
            self.0.push(fault);
        }
    }

    /// Returns the value of `checked`. Keeps its faults and returns `None` if it is not valid. Fails with every other refusal.
    pub fn keep<T>(&mut self, checked: Result<T, Refused>) -> Result<Option<T>, Refused> {
        match checked {
            Ok(value) => Ok(Some(value)),
            Err(Refused::Invalid(faults)) => {
                for fault in faults {
                    self.add(fault);
                }
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

    /// Adds what is wrong with the other fields of a form of which some could not be read, and returns all of it. `tried` is the outcome of the
    /// operation without those fields, of which nothing was kept.
    pub fn with_others<T>(mut self, tried: Result<T, Refused>) -> Refused {
        match tried {
            Err(Refused::Invalid(others)) => {
                let unread: Vec<&str> = self.0.iter().map(|fault| fault.field).collect();
                let others: Vec<Fault> = others.into_iter().filter(|fault| !unread.contains(&fault.field)).collect();
                self.0.extend(others);
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

impl From<Vec<Fault>> for Faults {
    fn from(faults: Vec<Fault>) -> Self {
        Self(faults)
    }
}
