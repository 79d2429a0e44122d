//! Finds in the first pass the line after which no administrator would remain. The second pass decides once more, under the lock.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::WholeUser;
use super::catalogue::Catalogue;
use super::plan::Step;
use crate::admin::{Fault, Refused};
use crate::store::{ConnectionTrait, roles};

/// The users whom the lines so far make administrators, and those who are administrators and whom they make none.
#[derive(Default)]
pub(super) struct Administrators {
    gained: BTreeSet<Uuid>,
    lost: BTreeSet<Uuid>,
    /// The line that last took an administrator away since the last call of [`Administrators::refused`], with the user's id.
    last: Option<(u64, Uuid)>,
}

/// Returns whether `user` is an administrator: enabled, with a password, and with the scope `admin`.
fn is_administrator(catalogue: &Catalogue, user: &WholeUser) -> bool {
    user.row.disabled_at.is_none() && user.row.password_hash.is_some() && catalogue.gives_admin(&user.roles, &user.groups)
}

impl Administrators {
    /// Notes what the line `number` does.
    pub(super) fn note(&mut self, catalogue: &Catalogue, number: u64, step: &Step) {
        let (before, after) = match step {
            Step::Add(after) => (None, after),
            Step::Update { before, after } => (Some(before), after),
            Step::Nothing => return,
        };
        let was = before.is_some_and(|before| is_administrator(catalogue, before));
        match (was, is_administrator(catalogue, after)) {
            (false, true) => drop(self.gained.insert(after.row.id)),
            (true, false) => {
                self.lost.insert(after.row.id);
                self.last = Some((number, after.row.id));
            }
            _ => {}
        }
    }

    /// Returns the line of the transaction that ends here which is refused, because after it no administrator would remain.
    pub(super) async fn refused(&mut self, db: &impl ConnectionTrait) -> Result<Option<(u64, Vec<Fault>)>, Refused> {
        let Some((number, id)) = self.last.take() else { return Ok(None) };
        if !self.gained.is_empty() || roles::has_administrator_beside(db, &self.lost).await? {
            return Ok(None);
        }
        self.lost.remove(&id);
        let expected = "another enabled user with a password and the scope admin, because no administrator would remain after this line";
        Ok(Some((number, vec![Fault::new("roles", expected)])))
    }
}
