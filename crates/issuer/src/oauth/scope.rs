//! Scopes (RFC 6749 §3.3): sets of them, and those that OpenID Connect defines.

use std::collections::BTreeSet;
use std::fmt;

use signet_verifier::is_scope_token;

/// Scopes of OpenID Connect Core §5.4 and §11, with what each gives, in words for people.
pub const OIDC_SCOPES: [(&str, &str); 6] = [
    ("openid", "Know who you are"),
    ("profile", "See your name and username"),
    ("email", "See your email address"),
    ("address", "See your postal address"),
    ("phone", "See your phone number"),
    ("offline_access", "Keep access while you are away"),
];

/// Scopes of the issuer's own administration.
pub const ADMIN_SCOPES: [(&str, &str); 2] =
    [("admin", "Administer users, clients and keys"), ("admin:read", "Read users, clients and keys")];

/// A set of scopes, written with single spaces, in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<String>);

/// A `scope` parameter that is not a list of scope-tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope: expected names of printable ASCII, separated by spaces")]
pub struct ScopeError;

/// The members of a list that is written with spaces between them, as OAuth writes its lists.
pub fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(' ').filter(|word| !word.is_empty())
}

impl ScopeSet {
    /// Reads a `scope` value. Repeated names count once.
    pub fn parse(value: &str) -> Result<Self, ScopeError> {
        words(value).map(|name| is_scope_token(name).then(|| name.to_owned()).ok_or(ScopeError)).collect()
    }

    /// Whether `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every scope of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The scopes for which `keep` holds.
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
