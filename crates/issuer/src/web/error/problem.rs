//! Errors of the REST API, sent as problem details (RFC 9457), with a bearer challenge where RFC 6750 §3 or RFC 9470 §3 wants one.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{Needs, RECENT, Refused};
use crate::keys::KeyError;
use crate::oauth::error::OAuthError;
use crate::store::StoreError;
use crate::tokens::lookup::Invalid;
use crate::web::error::bearer::BearerError;
use crate::web::error::refusal::Refusal;
use crate::web::error::{DatabaseUnavailable, retry_after, status};

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The `realm` of the challenges.
const REALM: &str = "administration";
/// The most faults whose places a log line names.
const MOST_PLACES: usize = 10;

/// One fault of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub struct Fault {
    /// The JSON pointer of the member at fault, as a fragment: `#/redirect_uris`. Absent if the fault is in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The parameter of the query or the header at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What was expected, and what was found.
    pub detail: String,
    /// The item at fault of the list at `pointer`, which the pointer does not name yet.
    #[serde(skip)]
    pub item: Option<String>,
}

/// The reason why a request was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    #[serde(serialize_with = "number")]
    #[schema(value_type = u16)]
    pub status: StatusCode,
    /// The name of the HTTP status.
    pub title: &'static str,
    /// The sentence that says what is wrong and what to do.
    pub detail: String,
    /// The error code of the bearer challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// The id of the thing that exists already, if the request was to create it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// All faults of the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Fault>,
    #[serde(skip)]
    scope: Option<String>,
    #[serde(skip)]
    retry_after: Option<u64>,
    #[serde(skip)]
    database_unavailable: bool,
    /// The reason why the access token is not valid. Only the log line says it.
    #[serde(skip)]
    invalid_token: Option<Invalid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// Makes a problem of `status`; `detail` says what is wrong and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let detail = detail.into();
        let (error, id, errors, scope) = (None, None, Vec::new(), None);
        Self { status, title, detail, error, id, errors, scope, retry_after: None, database_unavailable: false, invalid_token: None }
    }

    /// Makes the problem of one member of the body, whose JSON pointer is `pointer`.
    pub fn of_member(pointer: String, detail: impl Into<String>) -> Self {
        let fault = Fault { pointer: Some(pointer), parameter: None, detail: detail.into(), item: None };
        Self { errors: vec![fault], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "the body is not valid; errors lists what is wrong") }
    }

    /// Makes the problem of the parameter `name` of the query.
    pub fn of_parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let fault = Fault { pointer: None, parameter: Some(name.into()), detail: detail.into(), item: None };
        Self { errors: vec![fault], ..Self::new(StatusCode::BAD_REQUEST, "the query is not valid; errors lists what is wrong") }
    }

    /// Adds the faults of `other`, which is about another part of the same request.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.errors.extend(other.errors);
        self
    }

    /// Returns both values, or the problem of all that is wrong with the parameters of the query.
    #[expect(clippy::result_large_err, reason = "a problem is made at most once for each request")]
    pub fn of_both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(one), Err(other)) if one.status == other.status => Err(one.and(other)),
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        }
    }

    /// Adds the id of what exists already.
    #[must_use]
    pub fn with_id(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Adds the id of what exists already, if that is the problem.
    #[must_use]
    pub fn with_existing(self, id: &str) -> Self {
        // Only a value that is taken has a place in a conflict.
        if self.status == StatusCode::CONFLICT && !self.errors.is_empty() { self.with_id(id.to_owned()) } else { self }
    }

    /// Makes the refusal of a user who holds none of the scopes that are `needed`.
    fn insufficient(needed: Needs, detail: String) -> Self {
        let scope = needed.scopes().first().map(|scope| (*scope).to_owned());
        Self { error: Some("insufficient_scope"), scope, ..Self::new(StatusCode::FORBIDDEN, detail) }
    }

    /// Returns what the log line says. A fault may repeat what was sent, which may be a secret in the wrong place, so only its place is named.
    fn reason(&self) -> String {
        let places = self.errors.iter().filter_map(|fault| fault.pointer.as_deref().or(fault.parameter.as_deref()));
        let places: Vec<&str> = places.take(MOST_PLACES).collect();
        if places.is_empty() { self.detail.clone() } else { format!("{} ({})", self.detail, places.join(", ")) }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let mut challenge = format!("Bearer realm=\"{REALM}\"");
        match self.error {
            Some(error) => {
                challenge += &format!(", error=\"{error}\", error_description=\"{}\"", self.detail.replace(['"', '\\'], "'"));
            }
            None if self.status != StatusCode::UNAUTHORIZED => return None,
            None => {}
        }
        if let Some(scope) = &self.scope {
            challenge += &format!(", scope=\"{scope}\"");
        }
        if self.error == Some("insufficient_user_authentication") {
            challenge += &format!(", max_age=\"{RECENT}\"");
        }
        HeaderValue::from_str(&challenge).ok()
    }
}

impl From<OAuthError> for Problem {
    fn from(error: OAuthError) -> Self {
        error.log();
        let status = status(&error.code);
        let problem = Self::new(status, error.safe_description());
        let database_unavailable = error.code == crate::oauth::error::Code::Unavailable;
        Self { retry_after: retry_after(&error.code), database_unavailable, ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        OAuthError::from(error).into()
    }
}

impl From<BearerError> for Problem {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Other(error) => error.into(),
            BearerError::NoCredentials(detail) => Self::new(StatusCode::UNAUTHORIZED, detail),
            BearerError::InvalidRequest(detail) => Self { error: Some("invalid_request"), ..Self::new(StatusCode::BAD_REQUEST, detail) },
            BearerError::InvalidToken(invalid) => {
                let detail = "the access token is invalid, expired, revoked or made for another resource";
                let invalid_token = Some(invalid);
                Self { error: Some("invalid_token"), invalid_token, ..Self::new(StatusCode::UNAUTHORIZED, detail) }
            }
            BearerError::InsufficientScope(_) => {
                Self { error: Some("insufficient_scope"), ..Self::new(StatusCode::FORBIDDEN, "the access token lacks a scope") }
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, detail),
            Refused::Conflict(_) => Self::new(StatusCode::CONFLICT, detail),
            Refused::Taken(taken) => {
                let fault = |taken: crate::admin::Taken| {
                    let place = crate::admin::Fault::new(taken.field, "").pointer;
                    Fault { pointer: Some(format!("#{place}")), parameter: None, detail: taken.reason, item: None }
                };
                Self { errors: taken.into_iter().map(fault).collect(), ..Self::new(StatusCode::CONFLICT, detail) }
            }
            Refused::Stale => Self::new(StatusCode::PRECONDITION_FAILED, detail),
            Refused::Invalid(faults) if faults.iter().all(|fault| fault.field == "after") => {
                Self::of_parameter("after", "expected a cursor that a page before gave as next")
            }
            Refused::Invalid(faults) => {
                let fault = |fault: crate::admin::Fault| Fault {
                    pointer: Some(format!("#{}", fault.pointer)),
                    parameter: None,
                    detail: format!("expected {}", fault.expected),
                    item: fault.item,
                };
                let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "the body is not valid; errors lists what is wrong");
                Self { errors: faults.into_iter().map(fault).collect(), ..problem }
            }
            Refused::Forbidden | Refused::Protected(_) => Self::new(StatusCode::FORBIDDEN, detail),
            Refused::Insufficient(needs) => Self::insufficient(needs, detail),
            Refused::StaleAuthentication => {
                Self { error: Some("insufficient_user_authentication"), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
            }
            Refused::TooManyFetches(_) | Refused::Busy(_) | Refused::Store(_) | Refused::Key(_) => OAuthError::from(refused).into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let challenge = self.challenge();
        let mut response = (self.status, Json(&self)).into_response();
        let error = self.error.unwrap_or_default();
        response.extensions_mut().insert(match &self.invalid_token {
            Some(Invalid { client, reason }) => Refusal::new(error, *reason).of_client(client),
            None => Refusal::new(error, self.reason()),
        });
        if self.database_unavailable {
            response.extensions_mut().insert(DatabaseUnavailable);
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if !self.errors.is_empty() {
            response.extensions_mut().insert(self);
        }
        response
    }
}
