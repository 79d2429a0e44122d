//! Decides what a user must still do to prove who they are: [`next`] compares evidence with a requirement. Only a [`Proven`] user
//! starts a session or an authorization.

use crate::accounts::methods::{Enrolled, Evidence, Method};
use crate::clock::UnixSeconds;
use crate::oauth::acr::Acr;

/// What is required of a user before a session or an authorization starts.
#[derive(Debug, Clone, Default)]
pub struct Requirement {
    /// The classes of which one must be reached; any if there are none. They come from `acr_values` and the `claims` parameter.
    pub acr: Vec<Acr>,
    /// The user must have passed their methods at this time or later, in Unix seconds. It comes from `max_age` and `prompt`.
    pub not_before: UnixSeconds,
    /// Methods that the user must set up anew may stay as they are for now.
    pub enrolment_may_wait: bool,
}

impl Requirement {
    /// The requirement for a session: any method, in any state, because the pages that the session opens decide for themselves.
    pub fn for_session() -> Self {
        Self { enrolment_may_wait: true, ..Self::default() }
    }
}

/// What a user must do next.
#[derive(Debug)]
pub enum Step {
    /// The user passes one of these methods.
    Authenticate(Vec<Method>),
    /// The user sets these methods up anew.
    Enrol(Vec<Method>),
    /// The user's methods cannot reach a class that is required.
    Impossible,
    /// Nothing: the user has proven who they are.
    Done(Proven),
}

/// A user who has proven who they are, as strongly and as lately as was required. Made by [`next`] alone.
#[derive(Debug, Clone)]
pub struct Proven(Evidence);

impl Proven {
    /// The evidence for it.
    pub fn evidence(&self) -> &Evidence {
        &self.0
    }

    /// The `acr` of tokens.
    pub fn acr(&self) -> &'static str {
        self.0.acr().map(Acr::as_str).unwrap_or_default()
    }
}

/// Decides what comes next for a user who has passed the methods of `evidence`.
pub fn next(evidence: &Evidence, enrolled: &Enrolled, required: &Requirement) -> Step {
    let suffices = |acr: Acr| required.acr.is_empty() || required.acr.contains(&acr);
    if !Acr::ALL.into_iter().any(|acr| suffices(acr) && enrolled.can_give(acr)) {
        return Step::Impossible;
    }
    if !evidence.since(required.not_before).acr().is_some_and(suffices) {
        return Step::Authenticate(enrolled.usable());
    }
    let due = enrolled.due();
    if due.is_empty() || required.enrolment_may_wait { Step::Done(Proven(evidence.clone())) } else { Step::Enrol(due) }
}
