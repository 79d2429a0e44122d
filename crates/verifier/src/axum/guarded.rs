//! `Guarded`: a router in which every route says what it requires, or requires at least a valid token.

use std::collections::HashSet;
use std::sync::Arc;

use ::axum::Router;
use ::axum::extract::{Request, State};
use ::axum::http::{HeaderMap, StatusCode, header};
use ::axum::middleware::{self, Next};
use ::axum::response::{IntoResponse, Response};
use ::axum::routing::MethodRouter;
use serde::de::DeserializeOwned;

use super::auth::Accepted;
use super::{Challenge, Require, Requirement};
use crate::{Claims, Verifier};

/// Who may pass a route.
#[derive(Debug, Clone)]
enum Access {
    /// Anyone; a token that is sent must still be good.
    Public,
    /// Bearers of a token that meets the requirement.
    Token(Requirement),
}

/// The handlers of one path, each method with its requirement.
#[derive(Debug)]
pub struct Methods<S = ()>(Vec<(MethodRouter<S>, String, Access)>);

impl<S: Clone + Send + Sync + 'static> Methods<S> {
    pub(super) fn new(handler: MethodRouter<S>, method: String, requirement: Requirement) -> Self {
        Self(vec![(handler, method, Access::Token(requirement))])
    }

    /// These methods and `other`'s. Panics when the router is built if both answer the same method, as axum does.
    #[must_use]
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }
}

/// A plain axum route needs a valid token of any scope.
impl<S: Clone + Send + Sync + 'static> From<MethodRouter<S>> for Methods<S> {
    fn from(handler: MethodRouter<S>) -> Self {
        Self(vec![(handler, "*".to_owned(), Access::Token(Requirement::default()))])
    }
}

/// Lets everyone through to `handler`. A token that is sent is still checked; handlers take `Option<Auth>`.
pub fn public<S: Clone + Send + Sync + 'static>(handler: MethodRouter<S>) -> Methods<S> {
    Methods(vec![(handler, "*".to_owned(), Access::Public)])
}

/// One line of the table of routes and scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteScopes {
    /// The full path, as axum writes it.
    pub path: String,
    /// `GET`, `POST`, …; `*` where a plain axum route was given.
    pub method: String,
    /// None for a public route.
    pub required: Option<Requirement>,
}

/// A router in the making. Requirements add up along the tree and are united when it is built.
#[derive(Debug)]
#[must_use]
pub struct Guarded<S = ()> {
    routes: Vec<(String, Methods<S>)>,
    nested: Vec<(String, Guarded<S>)>,
    required: Requirement,
}

impl<S> Default for Guarded<S> {
    fn default() -> Self {
        Self { routes: Vec::new(), nested: Vec::new(), required: Requirement::default() }
    }
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// A router without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handlers of one path. A method that none of them answers is 405: a fallback of their own would be open to all
    /// and is not kept. A second one on a path stops [`Guarded::into_router`]; so does axum's `any`, which is nothing else.
    pub fn route(mut self, path: &str, methods: impl Into<Methods<S>>) -> Self {
        self.routes.push((path.to_owned(), methods.into()));
        self
    }

    /// Adds a router below `prefix`; what this one requires, its routes require too.
    pub fn nest(mut self, prefix: &str, router: Self) -> Self {
        self.nested.push((prefix.to_owned(), router));
        self
    }

    /// Requires `R` of every route here and below, beside what each requires itself. Public routes stay public.
    pub fn require<R: Require>(mut self) -> Self {
        self.required = self.required.and(&R::requirement());
        self
    }

    /// Every route with what it requires, for documents such as OpenAPI.
    pub fn table(&self) -> Vec<RouteScopes> {
        let mut table = Vec::new();
        self.list("", &Requirement::default(), &mut table);
        table
    }

    fn list(&self, prefix: &str, outer: &Requirement, table: &mut Vec<RouteScopes>) {
        let required = outer.and(&self.required);
        for (path, methods) in &self.routes {
            for (_, method, access) in &methods.0 {
                table.push(RouteScopes {
                    path: joined(prefix, path),
                    method: method.clone(),
                    required: match access {
                        Access::Public => None,
                        Access::Token(own) => Some(required.and(own)),
                    },
                });
            }
        }
        for (path, router) in &self.nested {
            router.list(&joined(prefix, path), &required, table);
        }
    }

    /// Builds the axum router. Called once, at the root.
    #[expect(clippy::needless_pass_by_value, reason = "the router keeps the verifier; a reference would look like a loan")]
    pub fn into_router<C: DeserializeOwned + Send + Sync + 'static>(self, verifier: Verifier<C>) -> Router<S> {
        let realm = Arc::from(verifier.audience());
        self.build(&verifier, &realm, &Requirement::default())
    }

    fn build<C: DeserializeOwned + Send + Sync + 'static>(
        self,
        verifier: &Verifier<C>,
        realm: &Arc<str>,
        outer: &Requirement,
    ) -> Router<S> {
        let required = outer.and(&self.required);
        let mut router = Router::new();
        let mut closed = HashSet::new();
        for (path, methods) in self.routes {
            for (handler, _, access) in methods.0 {
                // A fallback of the handler's own would stay outside the guard. Ours takes its place; a second one on one
                // path stops the start.
                let handler = if closed.insert(path.clone()) { handler.fallback(method_not_allowed) } else { handler };
                let required = match access {
                    Access::Public => None,
                    Access::Token(own) => Some(Arc::new(required.and(&own))),
                };
                let guard = Arc::new(Guard { verifier: verifier.clone(), realm: Arc::clone(realm), required });
                // route_layer, so that a method that no handler answers stays 405.
                router = router.route(&path, handler.route_layer(middleware::from_fn_with_state(guard, guard_request)));
            }
        }
        for (prefix, nested) in self.nested {
            router = router.nest(&prefix, nested.build(verifier, realm, &required));
        }
        router
    }
}

/// `path` below `prefix`, as axum's `nest` makes it.
fn joined(prefix: &str, path: &str) -> String {
    match prefix.strip_suffix('/') {
        Some(prefix) => format!("{prefix}{path}"),
        None if path == "/" && !prefix.is_empty() => prefix.to_owned(),
        None => format!("{prefix}{path}"),
    }
}

async fn method_not_allowed() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

struct Guard<C> {
    verifier: Verifier<C>,
    realm: Arc<str>,
    /// None for a public route.
    required: Option<Arc<Requirement>>,
}

async fn guard_request<C: DeserializeOwned + Send + Sync + 'static>(
    State(guard): State<Arc<Guard<C>>>,
    mut request: Request,
    next: Next,
) -> Response {
    match guard.admit(request.headers()).await {
        Ok(claims) => {
            let (realm, required) = (Arc::clone(&guard.realm), guard.required.clone());
            request.extensions_mut().insert(Accepted { claims: claims.map(Arc::new), realm, required });
            next.run(request).await
        }
        Err(challenge) => challenge.into_response(),
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Guard<C> {
    async fn admit(&self, headers: &HeaderMap) -> Result<Option<Claims<C>>, Challenge> {
        let realm = || self.realm.to_string();
        let mut credentials = headers.get_all(header::AUTHORIZATION).iter();
        let token = credentials.next().and_then(bearer_token);
        if credentials.next().is_some() {
            return Err(Challenge::AmbiguousCredentials { realm: realm() });
        }
        match (token, self.required.as_deref()) {
            (None, None) => Ok(None),
            (None, Some(required)) => Err(Challenge::NoCredentials { realm: realm(), required: required.clone() }),
            (Some(token), required) => {
                let claims = self.verifier.verify(token).await.map_err(|error| Challenge::Token { realm: realm(), error })?;
                match required {
                    Some(required) if !required.is_met_by(&claims) => {
                        Err(Challenge::InsufficientScope { realm: realm(), required: required.clone() })
                    }
                    _ => Ok(Some(claims)),
                }
            }
        }
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1); None for another scheme.
fn bearer_token(value: &::axum::http::HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}
