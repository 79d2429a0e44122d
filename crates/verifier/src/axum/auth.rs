//! `Auth`: the extractor with which a handler gets the claims of the accepted token.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use ::axum::extract::{FromRequestParts, OptionalFromRequestParts};
use ::axum::http::request::Parts;

use super::{AnyToken, Challenge, Require, Requirement};
use crate::{Claims, NoExtra};

/// Extracts the claims of the request's token, which the router's verifier has accepted. The handler of a [`super::public`]
/// route takes `Option<Auth>`, because requests may come without a token there.
///
/// `R` is what the handler requires in addition to its route. If a token meets the requirement of the route but not `R`, the
/// refusal names the scopes of both. `C` is the type of the verifier's further claims.
#[derive(Debug)]
pub struct Auth<R = AnyToken, C = NoExtra> {
    claims: Arc<Claims<C>>,
    required: PhantomData<fn() -> R>,
}

impl<R, C> Auth<R, C> {
    /// The claim `sub`: the id of the user, or of the client if no user is involved.
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }
}

impl<R, C> Deref for Auth<R, C> {
    type Target = Claims<C>;

    fn deref(&self) -> &Claims<C> {
        &self.claims
    }
}

/// The request extension that the guard inserts and that [`Auth`] reads.
pub(super) struct Accepted<C> {
    /// `None` if the request came without a token, which only a public route allows.
    pub(super) claims: Option<Arc<Claims<C>>>,
    pub(super) realm: Arc<str>,
    /// `None` if the route is public.
    pub(super) required: Option<Arc<Requirement>>,
}

impl<C> Accepted<C> {
    /// Combines the requirement of the route with the handler's own `R`.
    fn all_required<R: Require>(&self) -> Requirement {
        self.required.as_deref().cloned().unwrap_or_default().and(&R::requirement())
    }
}

impl<C> Clone for Accepted<C> {
    fn clone(&self) -> Self {
        Self { claims: self.claims.clone(), realm: Arc::clone(&self.realm), required: self.required.clone() }
    }
}

impl<R: Require, C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<R, C> {
    type Rejection = Challenge;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Challenge> {
        if let Some(auth) = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await? {
            return Ok(auth);
        }
        let accepted = accepted::<C>(parts)?;
        Err(Challenge::NoCredentials { realm: accepted.realm.to_string(), required: accepted.all_required::<R>() })
    }
}

impl<R: Require, C: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Auth<R, C> {
    type Rejection = Challenge;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Challenge> {
        let accepted = accepted::<C>(parts)?;
        let Some(claims) = accepted.claims.clone() else { return Ok(None) };
        if R::requirement().is_met_by(&claims) {
            Ok(Some(Self { claims, required: PhantomData }))
        } else {
            Err(Challenge::InsufficientScope { realm: accepted.realm.to_string(), required: accepted.all_required::<R>() })
        }
    }
}

fn accepted<C: Send + Sync + 'static>(parts: &Parts) -> Result<&Accepted<C>, Challenge> {
    parts.extensions.get::<Accepted<C>>().ok_or(Challenge::Unguarded)
}
