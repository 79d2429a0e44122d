//! The `typ` in the header of access tokens, which each resource chooses.

use serde::{Deserialize, Serialize};

/// The value of `typ`. Some libraries, such as the default verifiers of Spring and Nimbus, refuse the one that RFC 9068 §2.1 requires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessTokenTyp {
    /// The value of RFC 9068, which tells access tokens from all others.
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// The value that ID tokens have too. Whoever accepts it must look at the claims (RFC 8725 §3.12).
    #[serde(rename = "JWT")]
    Jwt,
}

impl AccessTokenTyp {
    /// All values, the default first.
    pub const ALL: [Self; 2] = [Self::AtJwt, Self::Jwt];

    /// Returns the value as headers spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }

    /// Returns the value that is spelt `name`; `None` if there is no such value.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|typ| typ.as_str() == name)
    }
}
