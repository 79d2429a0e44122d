//! The scopes of a client, as the query that reads clients returns them.

use crate::oauth::scope::words;

/// A scope that a client may ask for, with the resource that owns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AllowedScope {
    pub name: String,
    pub resource_id: String,
    /// `true` if the client may ask for it only because its resource is open to all clients, which act for a user.
    pub by_openness: bool,
}

impl AllowedScope {
    /// Parses the values of two expressions of that query, pairs of a scope and its resource.
    pub(super) fn parse(own: &str, open: &str) -> Vec<Self> {
        let pairs = |text: &str, by_openness| -> Vec<Self> {
            let names: Vec<&str> = words(text).collect();
            let scope = |pair: &[&str]| Self { name: pair[0].to_owned(), resource_id: pair[1].to_owned(), by_openness };
            names.chunks_exact(2).map(scope).collect()
        };
        let mut scopes = pairs(own, false);
        for scope in pairs(open, true) {
            if !scopes.iter().any(|own| own.name == scope.name) {
                scopes.push(scope);
            }
        }
        scopes
    }
}
