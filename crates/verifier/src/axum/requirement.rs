//! What a route asks of a token: all of several, any of several, or just a valid token.

use ::axum::handler::Handler;
use ::axum::routing::MethodFilter;

use super::Methods;
use crate::{Claims, Scope};

/// Clauses that must all hold; a clause holds when the token carries any scope of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement(Vec<Vec<&'static str>>);

impl Requirement {
    /// Both requirements together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut clauses = self.0.clone();
        clauses.extend(other.0.iter().filter(|clause| !self.0.contains(clause)).cloned());
        Self(clauses)
    }

    /// Whether a token with these claims meets the requirement.
    pub fn is_met_by<C>(&self, claims: &Claims<C>) -> bool {
        self.0.iter().all(|clause| clause.iter().any(|name| claims.has_scope(name)))
    }

    /// Scopes that suffice, space-separated (RFC 6750 §3 `scope`): of alternatives the first.
    pub fn sufficient(&self) -> String {
        let mut names: Vec<_> = Vec::new();
        for name in self.0.iter().filter_map(|clause| clause.first()) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        names.join(" ")
    }

    /// The clauses, each a list of alternatives.
    pub fn clauses(&self) -> &[Vec<&'static str>] {
        &self.0
    }
}

/// A type that states a requirement: a scope, a tuple of them (all), [`Any`] of several, or [`AnyToken`].
///
/// Its functions bind a handler to a method under the requirement: `OrdersRead::get(list)`.
pub trait Require: Send + Sync + 'static {
    /// What is required.
    fn requirement() -> Requirement;

    /// Answers GET (and HEAD) by `handler`.
    fn get<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("GET", MethodFilter::GET, handler)
    }
    /// Answers POST by `handler`.
    fn post<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("POST", MethodFilter::POST, handler)
    }
    /// Answers PUT by `handler`.
    fn put<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("PUT", MethodFilter::PUT, handler)
    }
    /// Answers PATCH by `handler`.
    fn patch<H: Handler<T, S>, T: 'static, S: Clone + Send + Sync + 'static>(handler: H) -> Methods<S> {
        bind::<Self, _, _, _>("PATCH", MethodFilter::PATCH, handler)
    }
    /// Answers DELETE by `handler`.
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
        Requirement(vec![vec![S::NAME]])
    }
}

/// A valid token, whatever its scopes.
#[derive(Debug, Clone, Copy)]
pub enum AnyToken {}

impl Require for AnyToken {
    fn requirement() -> Requirement {
        Requirement::default()
    }
}

/// Any scope of the tuple `T`: `Any<(OrdersRead, Admin)>`.
#[derive(Debug, Clone, Copy)]
pub struct Any<T>(std::marker::PhantomData<T>);

macro_rules! tuples {
    ($(($($scope:ident),+))*) => {$(
        impl<$($scope: Scope),+> Require for Any<($($scope,)+)> {
            fn requirement() -> Requirement {
                Requirement(vec![vec![$($scope::NAME),+]])
            }
        }

        impl<$($scope: Scope),+> Require for ($($scope,)+) {
            fn requirement() -> Requirement {
                Requirement(vec![$(vec![$scope::NAME]),+])
            }
        }
    )*};
}

tuples! { (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) }
