//! The scopes that a route requires of a token: all of several, any of several, or none beyond a valid token.

use ::axum::handler::Handler;
use ::axum::routing::MethodFilter;

use super::Methods;
use crate::{Claims, Scope};

/// What a token must carry: a list of clauses, all of which must hold. A clause is a list of scopes, and holds if the token carries at
/// least one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    clauses: Vec<Vec<&'static str>>,
    /// `true` if no token is accepted while the feed of revocations is stale.
    when_heard: bool,
}

impl Requirement {
    /// Combines this requirement with `other`, so that a token must meet both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut clauses = self.clauses.clone();
        clauses.extend(other.clauses.iter().filter(|clause| !self.clauses.contains(clause)).cloned());
        Self { clauses, when_heard: self.when_heard || other.when_heard }
    }

    /// Returns `true` if a token with these claims meets the requirement.
    pub fn is_met_by<C>(&self, claims: &Claims<C>) -> bool {
        self.clauses.iter().all(|clause| clause.iter().any(|name| claims.has_scope(name)))
    }

    /// Returns scopes that are enough to meet the requirement, separated by spaces, for the `scope` of a challenge (RFC 6750
    /// §3). Of each clause, it takes the first scope.
    pub fn sufficient(&self) -> String {
        let mut names: Vec<_> = Vec::new();
        for name in self.clauses.iter().filter_map(|clause| clause.first()) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        names.join(" ")
    }

    /// The clauses, each a list of alternative scopes.
    pub fn clauses(&self) -> &[Vec<&'static str>] {
        &self.clauses
    }

    fn of(clauses: Vec<Vec<&'static str>>) -> Self {
        Self { clauses, when_heard: false }
    }

    /// The requirement that the feed of revocations is not stale, beside a valid token.
    #[cfg(feature = "revocation")]
    pub(super) fn heard() -> Self {
        Self { when_heard: true, ..Self::default() }
    }

    /// Returns `true` if a request is answered with 503 while the feed of revocations is stale.
    #[cfg(feature = "revocation")]
    pub fn refuses_when_stale(&self) -> bool {
        self.when_heard
    }
}

/// A type that stands for a requirement: a scope, a tuple of scopes that are all required, [`Any`] of several scopes, or
/// [`AnyToken`].
///
/// Its functions bind a handler to an HTTP method under this requirement, for example `OrdersRead::get(list)`.
pub trait Require: Send + Sync + 'static {
    /// Returns the requirement that this type stands for.
    fn requirement() -> Requirement;

    /// Binds `handler` to GET and HEAD requests.
    fn get<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("GET", MethodFilter::GET, handler)
    }
    /// Binds `handler` to POST requests.
    fn post<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("POST", MethodFilter::POST, handler)
    }
    /// Binds `handler` to PUT requests.
    fn put<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("PUT", MethodFilter::PUT, handler)
    }
    /// Binds `handler` to PATCH requests.
    fn patch<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("PATCH", MethodFilter::PATCH, handler)
    }
    /// Binds `handler` to DELETE requests.
    fn delete<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("DELETE", MethodFilter::DELETE, handler)
    }
}

fn bind<R: Require + ?Sized, H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(
    name: &str,
    filter: MethodFilter,
    handler: H,
) -> Methods<S> {
    Methods::new(::axum::routing::on(filter, handler), name.to_owned(), R::requirement())
}

impl<S: Scope> Require for S {
    fn requirement() -> Requirement {
        Requirement::of(vec![vec![S::NAME]])
    }
}

/// Requires a valid token, with any scopes or none.
#[derive(Debug, Clone, Copy)]
pub enum AnyToken {}

impl Require for AnyToken {
    fn requirement() -> Requirement {
        Requirement::default()
    }
}

/// Requires at least one scope of the tuple `T`, for example `Any<(OrdersRead, Admin)>`.
#[derive(Debug, Clone, Copy)]
pub struct Any<T>(std::marker::PhantomData<T>);

macro_rules! tuples {
    ($(($($scope:ident),+))*) => {$(
        impl<$($scope: Scope),+> Require for Any<($($scope,)+)> {
            fn requirement() -> Requirement {
                Requirement::of(vec![vec![$($scope::NAME),+]])
            }
        }

        impl<$($scope: Scope),+> Require for ($($scope,)+) {
            fn requirement() -> Requirement {
                Requirement::of(vec![$(vec![$scope::NAME]),+])
            }
        }
    )*};
}

tuples! { (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }
