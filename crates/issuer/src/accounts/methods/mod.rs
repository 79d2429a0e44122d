//! The authentication methods: ways in which users prove who they are. To add one, write its file and add a line to the list below.

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

            /// The class that the method alone gives.
            fn acr(self) -> Acr {
                match self { $(Self::$variant => $module::ACR,)* }
            }

            /// The means that the method stands for.
            fn amr(self) -> Amr {
                match self { $(Self::$variant => $module::AMR,)* }
            }

            /// Whether `user` can use the method, and must set it up anew.
            fn enrolment(self, user: &User) -> Enrolment {
                match self { $(Self::$variant => $module::enrolment(user),)* }
            }
        }
    };
}

methods! {
    Password = "password" => password;
}

/// The state in which a user has a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolment {
    /// The user cannot use it.
    Absent,
    /// The user can use it.
    Complete,
    /// The user can use it, but must set it up anew, for example because somebody else made the password.
    Due,
}

/// The methods that a user has.
#[derive(Debug, Clone)]
pub struct Enrolled(Vec<(Method, Enrolment)>);

impl Enrolled {
    /// The methods of `user`.
    pub fn of(user: &User) -> Self {
        Self(Method::ALL.iter().map(|method| (*method, method.enrolment(user))).collect())
    }

    /// The methods by which the user can prove who they are.
    pub(super) fn usable(&self) -> Vec<Method> {
        self.0.iter().filter(|(_, enrolment)| *enrolment != Enrolment::Absent).map(|(method, _)| *method).collect()
    }

    /// The methods that the user must set up anew.
    pub(super) fn due(&self) -> Vec<Method> {
        self.0.iter().filter(|(_, enrolment)| *enrolment == Enrolment::Due).map(|(method, _)| *method).collect()
    }

    /// Whether the usable methods can give `acr`.
    pub(super) fn can_give(&self, acr: Acr) -> bool {
        self.usable().iter().any(|method| method.acr() == acr)
    }
}

/// A method that a user has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The method.
    pub method: Method,
    /// When the user passed it, in Unix seconds.
    pub at: UnixSeconds,
}

/// The methods that a user has passed: what a session remembers of its sign-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    user: Uuid,
    passed: Vec<Passed>,
}

impl Evidence {
    /// The evidence that `user` has passed one method.
    pub fn new(user: Uuid, passed: Passed) -> Self {
        Self { user, passed: vec![passed] }
    }

    /// Reads evidence as [`Evidence::to_json`] wrote it.
    pub fn from_json(user: Uuid, json: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { user, passed: serde_json::from_str(json)? })
    }

    /// The passed methods, as a session stores them.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.passed).unwrap_or_default()
    }

    /// The user that the evidence is about.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// This evidence together with later evidence about the same user. A method that was passed again counts from then.
    #[must_use]
    pub fn with(mut self, later: &Self) -> Self {
        self.passed.retain(|passed| !later.passed.iter().any(|again| again.method == passed.method));
        self.passed.extend(&later.passed);
        self
    }

    /// The part of the evidence that is not older than `not_before`.
    #[must_use]
    pub(super) fn since(&self, not_before: UnixSeconds) -> Self {
        let passed = self.passed.iter().copied().filter(|passed| passed.at >= not_before).collect();
        Self { user: self.user, passed }
    }

    /// The class that the passed methods give; `None` if none was passed.
    pub fn acr(&self) -> Option<Acr> {
        self.passed.last().map(|passed| passed.method.acr())
    }

    /// The means that the passed methods stand for, separated by spaces.
    pub fn amr(&self) -> String {
        let mut means: Vec<&str> = self.passed.iter().map(|passed| passed.method.amr().as_str()).collect();
        means.dedup();
        means.join(" ")
    }

    /// When the user last passed a method, in Unix seconds.
    pub fn auth_time(&self) -> UnixSeconds {
        self.passed.iter().map(|passed| passed.at).max().unwrap_or_default()
    }
}
