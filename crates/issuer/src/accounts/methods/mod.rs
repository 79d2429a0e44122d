//! The authentication methods: ways in which users prove who they are. To add one, write its file and add a line to the list below.

pub mod hashes;
pub mod password;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::acr::{Acr, Amr};
use crate::store::users::User;

macro_rules! methods {
    ($($variant:ident = $name:literal => $module:ident;)*) => {
        /// The authentication methods of this issuer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Method {
            $(#[doc = concat!("The method `", $name, "`.")] #[serde(rename = $name)] $variant,)*
        }

        impl Method {
            /// All methods, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of the method.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The authentication context class that the method gives on its own.
            fn acr(self) -> Acr {
                match self { $(Self::$variant => $module::ACR,)* }
            }

            /// The value of the method in the `amr` claim (RFC 8176).
            fn amr(self) -> Amr {
                match self { $(Self::$variant => $module::AMR,)* }
            }

            /// Returns whether `user` can use the method, and whether they must set it up anew.
            fn enrolment(self, user: &User) -> Enrolment {
                match self { $(Self::$variant => $module::enrolment(user),)* }
            }
        }
    };
}

methods! {
    Password = "password" => password;
}

/// The state of one method for one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// The user cannot use it.
    Absent,
    /// The user can use it.
    Complete,
    /// The user can use it, but must set it up anew, for example because the password was generated.
    Due,
}

/// The state of every method for one user.
#[derive(Debug, Clone)]
pub struct Enrolled(Vec<(Method, Enrolment)>);

impl Enrolled {
    /// Reads the state of every method from `user`.
    pub fn of(user: &User) -> Self {
        Self(Method::ALL.iter().map(|method| (*method, method.enrolment(user))).collect())
    }

    /// Returns the methods by which the user can prove who they are.
    pub(super) fn usable(&self) -> Vec<Method> {
        self.0.iter().filter(|(_, enrolment)| *enrolment != Enrolment::Absent).map(|(method, _)| *method).collect()
    }

    /// Returns the methods that the user must set up anew.
    pub(super) fn due(&self) -> Vec<Method> {
        self.0.iter().filter(|(_, enrolment)| *enrolment == Enrolment::Due).map(|(method, _)| *method).collect()
    }

    /// Returns whether a usable method can give `acr`.
    pub(super) fn can_give(&self, acr: Acr) -> bool {
        self.usable().iter().any(|method| method.acr() == acr)
    }
}

/// A method that a user has passed, with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Passed {
    pub method: Method,
    /// Unix seconds at which the user passed the method.
    pub at: UnixSeconds,
}

/// The methods that a user has passed. A session stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    user: Uuid,
    passed: Vec<Passed>,
}

impl Evidence {
    /// Makes the evidence that `user` has passed one method.
    pub fn new(user: Uuid, passed: Passed) -> Self {
        Self { user, passed: vec![passed] }
    }

    /// Reads evidence as [`Evidence::to_json`] wrote it.
    pub fn from_json(user: Uuid, json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { user, passed: serde_json::from_str(json)? })
    }

    /// Returns the passed methods as JSON, for the row of a session.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.passed).unwrap_or_default()
    }

    /// Returns the user that the evidence is about.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// Returns this evidence together with later evidence about the same user. A method that was passed again gets the later time.
    #[must_use]
    pub fn with(mut self, later: &Self) -> Self {
        self.passed.retain(|passed| !later.passed.iter().any(|again| again.method == passed.method));
        self.passed.extend(&later.passed);
        self
    }

    /// Returns the part of the evidence that is not older than `not_before`.
    #[must_use]
    pub(super) fn since(&self, not_before: UnixSeconds) -> Self {
        let passed = self.passed.iter().copied().filter(|passed| passed.at >= not_before).collect();
        Self { user: self.user, passed }
    }

    /// Returns the authentication context class that the passed methods give; `None` if none was passed.
    pub fn acr(&self) -> Option<Acr> {
        self.passed.last().map(|passed| passed.method.acr())
    }

    /// Returns the value of the `amr` claim: the passed methods, separated by spaces.
    pub fn amr(&self) -> String {
        let mut means: Vec<&str> = self.passed.iter().map(|passed| passed.method.amr().as_str()).collect();
        means.dedup();
        means.join(" ")
    }

    /// Returns the time at which the user last passed a method, in Unix seconds.
    pub fn auth_time(&self) -> UnixSeconds {
        self.passed.iter().map(|passed| passed.at).max().unwrap_or_default()
    }
}
