//! Decides what a user must still do to prove who they are: [`next`] compares evidence with a requirement. A session or an
//! authorization starts only for a [`Proven`] user.

use crate::accounts::methods::{Enrolled, Evidence, Method};
use crate::clock::UnixSeconds;
use crate::oauth::acr::Acr;

/// The requirement that a user must meet before a session or an authorization starts.
#[derive(Debug, Clone, Default)]
pub struct Requirement {
    /// The authentication context classes of which the user must reach one, from the `claims` parameter. `None` accepts any class, and
    /// an empty list accepts none.
    pub acr: Option<Vec<Acr>>,
    /// The user must have passed their methods at this time or later, in Unix seconds. The time comes from `max_age` and `prompt`.
    pub not_before: UnixSeconds,
    /// `true` if the user may go on although they must set up a method anew.
    pub enrolment_may_wait: bool,
}

impl Requirement {
    /// Returns the requirement for a session: any method in any state, because each page in the session checks its own requirement.
    pub fn for_session() -> Self {
        Self { enrolment_may_wait: true, ..Self::default() }
    }
}

/// The next step of a user who proves who they are.
#[derive(Debug)]
pub enum Step {
    /// The user must pass one of these methods.
    Authenticate(Vec<Method>),
    /// The user must set up these methods anew.
    Enrol(Vec<Method>),
    /// The methods of the user cannot reach any class that is required.
    Impossible,
    /// The user has proven who they are, and need do nothing more.
    Done(Proven),
}

/// A user who has proven who they are, as strongly and as recently as was required. Only [`next`] makes one.
#[derive(Debug, Clone)]
pub struct Proven(Evidence);

impl Proven {
    /// Returns the evidence that met the requirement.
    pub fn evidence(&self) -> &Evidence {
        &self.0
    }

    /// Returns the value of the `acr` claim.
    pub fn acr(&self) -> &'static str {
        self.0.acr().map(Acr::as_str).unwrap_or_default()
    }
}

/// Decides the next step of a user who has passed the methods of `evidence`.
pub fn next(evidence: &Evidence, enrolled: &Enrolled, required: &Requirement) -> Step {
    let suffices = |acr: Acr| required.acr.as_ref().is_none_or(|accepted| accepted.contains(&acr));
    if !Acr::ALL.into_iter().any(|acr| suffices(acr) && enrolled.can_give(acr)) {
        return Step::Impossible;
    }
    if !evidence.since(required.not_before).acr().is_some_and(suffices) {
        return Step::Authenticate(enrolled.usable());
    }
    let due = enrolled.due();
    if due.is_empty() || required.enrolment_may_wait { Step::Done(Proven(evidence.clone())) } else { Step::Enrol(due) }
}
