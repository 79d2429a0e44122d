//! Sets of scopes (RFC 6749 §3.3), and the scopes that belong to the issuer itself.

use std::collections::BTreeSet;
use std::fmt;

use signet_verifier::is_scope_token;

use crate::oauth::plain_text::as_found;

/// The scopes of OpenID Connect Core §5.4 and §11, each with the description that people see.
pub const OIDC_SCOPES: [(&str, &str); 8] = [
    ("openid", "Know who you are"),
    ("profile", "See your name and username"),
    ("email", "See your email address"),
    ("address", "See your postal address"),
    ("phone", "See your phone number"),
    ("groups", "See the groups that you are in"),
    ("roles", "See your roles"),
    ("offline_access", "Keep access while you are away"),
];

/// The scopes that permit administration of the issuer, each with the description that people see.
pub const ADMIN_SCOPES: [(&str, &str); 3] = [
    ("admin", "Administer users, clients and keys"),
    ("admin:read", "Read users, clients and keys"),
    ("admin:users", "Help people who are not administrators"),
];

/// The scope with which a client reads its streams of Shared Signals, and the events in them.
pub const SSF_READ: &str = "ssf.read";
/// The scope with which a client makes, changes and reads its streams of Shared Signals.
pub const SSF_MANAGE: &str = "ssf.manage";

/// The scopes of Shared Signals (CAEP Interoperability Profile 1.0, "OAuth Scopes"), each with the description that people see.
pub const SSF_SCOPES: [(&str, &str); 2] = [(SSF_READ, "Receive security events"), (SSF_MANAGE, "Manage streams of security events")];

/// Returns whether `scope` permits administration of the issuer.
pub fn is_administration(scope: &str) -> bool {
    ADMIN_SCOPES.iter().any(|(name, _)| *name == scope)
}

/// A set of scopes. `Display` writes it in alphabetical order, separated by single spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<String>);

/// The value is not a list of scope-tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scope: expected names in printable ASCII, separated by spaces, such as openid orders:read; found {}", as_found(.0))]
pub struct ScopeError(String);

/// The members of a space-separated list, which is how OAuth writes lists.
pub fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(' ').filter(|word| !word.is_empty())
}

impl ScopeSet {
    /// Parses a `scope` value. A repeated name counts once.
    pub fn parse(value: &str) -> Result<Self, ScopeError> {
        words(value).map(|name| is_scope_token(name).then(|| name.to_owned()).ok_or_else(|| ScopeError(name.to_owned()))).collect()
    }

    /// Returns whether `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether every scope of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The names in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The subset of the scopes for which `keep` returns `true`.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        self.iter().filter(|name| keep(name)).collect()
    }
}

impl<S: Into<String>> FromIterator<S> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(name)?;
        }
        Ok(())
    }
}
