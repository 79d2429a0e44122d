//! `Guarded`: a router that checks the token of a request before the handler runs (RFC 6750). A route that declares no
//! requirement still requires a valid token.

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

/// The condition under which a request reaches the handler.
#[derive(Debug, Clone)]
enum Access {
    /// No token is required. A token that is sent must still be valid.
    Public,
    /// A valid token that meets the requirement.
    Token(Requirement),
}

/// The handlers of one path, with the method and the requirement of each.
#[derive(Debug)]
pub struct Methods<S = ()>(Vec<(MethodRouter<S>, String, Access)>);

impl<S: Clone + Send + Sync + 'static> Methods<S> {
    pub(super) fn new(handler: MethodRouter<S>, method: String, requirement: Requirement) -> Self {
        Self(vec![(handler, method, Access::Token(requirement))])
    }

    /// Adds the methods of `other`. [`Guarded::into_router`] panics if both answer the same method, as axum's router does.
    #[must_use]
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        self.0.extend(other.into().0);
        self
    }

    /// Answers 503 with `Retry-After` to a valid token while the issuer's feed of revocations is stale, because the token may be revoked.
    /// Public routes stay public.
    #[cfg(feature = "revocation")]
    #[must_use]
    pub fn refuse_when_stale(mut self) -> Self {
        for (_, _, access) in &mut self.0 {
            if let Access::Token(required) = access {
                *required = required.and(&Requirement::heard());
            }
        }
        self
    }
}

/// A plain axum handler requires a valid token, with any scopes or none.
impl<S: Clone + Send + Sync + 'static> From<MethodRouter<S>> for Methods<S> {
    fn from(handler: MethodRouter<S>) -> Self {
        Self(vec![(handler, "*".to_owned(), Access::Token(Requirement::default()))])
    }
}

/// Makes `handler` public: requests without a token reach it too. A token that is sent is still checked, and the request is
/// refused if the token is not valid. The handler takes `Option<Auth>`.
pub fn public<S: Clone + Send + Sync + 'static>(handler: MethodRouter<S>) -> Methods<S> {
    Methods(vec![(handler, "*".to_owned(), Access::Public)])
}

/// One row of the table that [`Guarded::table`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteScopes {
    /// The full path with all prefixes, in axum's syntax.
    pub path: String,
    /// The HTTP method, such as `GET`; `*` if the route was given as a plain axum handler.
    pub method: String,
    /// `None` for a public route.
    pub required: Option<Requirement>,
}

/// A router under construction. A route requires what it declares itself, together with what the routers around it require.
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
    /// Creates a router without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handlers of one path. A request with a method that none of them answers gets 405.
    ///
    /// If the first handler of a path has a fallback, it is replaced, because it would run outside the guard and be open to
    /// everyone. [`Guarded::into_router`] panics if another handler of the path has a fallback, and if a handler is axum's `any`,
    /// which consists of a fallback only.
    pub fn route(mut self, path: &str, methods: impl Into<Methods<S>>) -> Self {
        self.routes.push((path.to_owned(), methods.into()));
        self
    }

    /// Adds `router` below `prefix`. Its routes also require what this router requires.
    pub fn nest(mut self, prefix: &str, router: Self) -> Self {
        self.nested.push((prefix.to_owned(), router));
        self
    }

    /// Requires `R` of every route of this router and of the routers nested in it, in addition to what each route declares.
    /// Public routes stay public.
    pub fn require<R: Require>(mut self) -> Self {
        self.required = self.required.and(&R::requirement());
        self
    }

    /// Answers 503 with `Retry-After` to valid tokens on every route of this router, and of the routers nested in it, while the issuer's feed
    /// of revocations is stale. Public routes stay public.
    #[cfg(feature = "revocation")]
    pub fn refuse_when_stale(mut self) -> Self {
        self.required = self.required.and(&Requirement::heard());
        self
    }

    /// Lists every route with its requirement, for documents such as OpenAPI.
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

    /// Builds the axum router. Call it once, on the outermost router.
    #[expect(clippy::needless_pass_by_value, reason = "the router keeps the verifier, so the caller gives it away")]
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
                // A fallback of the handler would run outside the guard, so replace it. Only the first handler of a path gets
                // ours, because axum panics if two handlers of one path have a fallback. It panics too if a later handler
                // brings one, so no fallback stays open.
                let handler = if closed.insert(path.clone()) { handler.fallback(method_not_allowed) } else { handler };
                let required = match access {
                    Access::Public => None,
                    Access::Token(own) => Some(Arc::new(required.and(&own))),
                };
                let guard = Arc::new(Guard { verifier: verifier.clone(), realm: Arc::clone(realm), required });
                // Use route_layer and not layer, so that a method without a handler still gets 405 instead of a challenge.
                router = router.route(&path, handler.route_layer(middleware::from_fn_with_state(guard, guard_request)));
            }
        }
        for (prefix, nested) in self.nested {
            router = router.nest(&prefix, nested.build(verifier, realm, &required));
        }
        router
    }
}

/// Joins `prefix` and `path` in the same way as axum's `nest`.
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
    /// `None` for a public route.
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
            request.extensions_mut().insert(Accepted { claims, realm, required });
            next.run(request).await
        }
        Err(challenge) => challenge.into_response(),
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Guard<C> {
    async fn admit(&self, headers: &HeaderMap) -> Result<Option<Arc<Claims<C>>>, Challenge> {
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
                let claims = self.verify(token, required).await.map_err(|error| Challenge::Token { realm: realm(), error })?;
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

impl<C: DeserializeOwned + Send + Sync + 'static> Guard<C> {
    #[cfg(feature = "revocation")]
    async fn verify(&self, token: &str, required: Option<&Requirement>) -> Result<Arc<Claims<C>>, crate::Error> {
        if required.is_some_and(Requirement::refuses_when_stale) {
            return self.verifier.verify_unless_stale(token).await;
        }
        self.verifier.verify(token).await
    }

    #[cfg(not(feature = "revocation"))]
    async fn verify(&self, token: &str, _required: Option<&Requirement>) -> Result<Arc<Claims<C>>, crate::Error> {
        self.verifier.verify(token).await
    }
}

/// Returns the token of an `Authorization: Bearer` header (RFC 6750 §2.1), or `None` if the header has another scheme.
fn bearer_token(value: &::axum::http::HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}
