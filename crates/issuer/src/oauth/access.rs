//! The users who may sign in to a client.

use serde::{Deserialize, Serialize};

/// The users who may sign in to a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Every user may sign in.
    #[default]
    Everyone,
    /// Only members of the client's groups may sign in.
    Groups,
}

impl Access {
    /// Both values, the wider one first.
    pub const ALL: [Self; 2] = [Self::Everyone, Self::Groups];

    /// Returns the value as the database, settings and the command line spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Groups => "groups",
        }
    }

    /// Returns the value that is spelt `name`; `None` if there is no such value.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.as_str() == name)
    }
}
