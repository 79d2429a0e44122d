//! What the access tokens of a resource tell of the user beside the scopes (RFC 9068 §2.2.3.1).

use serde::{Deserialize, Serialize};

use crate::oauth::scope::words;

/// A claim that a resource adds to its access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenClaim {
    /// The names of the user's groups.
    Groups,
    /// The names of those roles of the user that hold a scope of the resource.
    Roles,
}

impl TokenClaim {
    /// Both claims, in the order in which they are stored.
    pub const ALL: [Self; 2] = [Self::Groups, Self::Roles];

    /// The name of the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "groups",
            Self::Roles => "roles",
        }
    }

    /// Returns the claim of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.as_str() == name)
    }

    /// Returns the names of `claims`, each once, separated by spaces, as the database stores them.
    pub fn list(claims: &[Self]) -> String {
        Self::ALL.into_iter().filter(|claim| claims.contains(claim)).map(Self::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Parses a list of names, separated by spaces. Names that are not known are left out.
    pub fn parse_list(list: &str) -> Vec<Self> {
        words(list).filter_map(Self::parse).collect()
    }
}
