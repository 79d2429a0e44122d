//! Errors as OAuth writes them: JSON at the token endpoint (RFC 6749 §5.2), bearer challenges at protected resources
//! (RFC 6750 §3). The source of an error is logged, never sent.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// What went wrong. The HTTP status follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A malformed request.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// Wrong credentials, or a grant that is no longer (or never was) good.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The grant is not known here.
    UnsupportedGrantType,
    /// Nothing of the asked scope can be granted.
    InvalidScope,
    /// The asked resource is not known, or not for this client (RFC 8707 §2).
    InvalidTarget,
    /// The response type is not known here.
    UnsupportedResponseType,
    /// The person, or the issuer for them, said no.
    AccessDenied,
    /// The person would have to sign in, and nothing may be shown.
    LoginRequired,
    /// The person would have to do something else, and nothing may be shown.
    InteractionRequired,
    /// The person would have to consent, and nothing may be shown.
    ConsentRequired,
    /// The `request` parameter.
    RequestNotSupported,
    /// The `request_uri` parameter.
    RequestUriNotSupported,
    /// The `registration` parameter.
    RegistrationNotSupported,
    /// No way of signing in gives what the client cannot do without.
    UnmetAuthenticationRequirements,
    /// A redirect URI that may not be registered (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// A token of a kind that cannot be revoked (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// Client metadata that cannot be taken (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// The endpoint does not take this HTTP method.
    MethodNotAllowed,
    /// The body is longer than any honest request.
    TooLarge,
    /// Too many attempts; seconds until the next may be made.
    TooManyAttempts(u64),
    /// The server is busy; seconds after which to try again.
    Busy(u64),
    /// Something failed here.
    ServerError,
}

impl Code {
    fn status(&self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The word of the specifications.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRequest | Self::MethodNotAllowed | Self::TooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::TooManyAttempts(_) | Self::Busy(_) => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

/// An error of the token, revocation or introspection endpoint.
#[derive(Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    /// What went wrong.
    pub code: Code,
    /// Help for the client's developer, in printable ASCII without `"` and `\`.
    pub description: String,
    /// For the log alone.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl OAuthError {
    /// An error that has no cause but the request.
    pub fn new(code: Code, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), source: None }
    }

    /// `invalid_request` with what was expected.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// The one answer to credentials and grants that are no good: it never says why.
    pub fn invalid_grant() -> Self {
        Self::new(Code::InvalidGrant, "the credentials or the grant are invalid, expired or revoked")
    }

    /// A failure on our side.
    pub fn server_error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { code: Code::ServerError, description: "the server could not answer; try again".to_owned(), source: Some(source.into()) }
    }

    /// The description in the characters that OAuth allows (RFC 6749 §5.2).
    pub fn safe_description(&self) -> String {
        self.description.chars().map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' }).collect()
    }

    /// Notes the source, if there is one.
    pub fn log(&self) {
        if let Some(source) = &self.source {
            tracing::error!(error = %source, "request failed");
        }
    }
}

/// Any storage error fails the request: never a token, and never a success that was not.
impl From<crate::store::StoreError> for OAuthError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::server_error(error)
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        self.log();
        let body = Json(json!({ "error": self.code.as_str(), "error_description": self.safe_description() }));
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        match self.code {
            Code::TooManyAttempts(seconds) | Code::Busy(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Code::InvalidClient => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"signet\", charset=\"UTF-8\""));
            }
            _ => {}
        }
        response
    }
}

/// A refusal of a bearer-protected endpoint.
#[derive(Debug)]
pub enum BearerError {
    /// No credentials came.
    NoCredentials,
    /// The request carries the token in two places, or is malformed otherwise.
    InvalidRequest(&'static str),
    /// The token is no good here.
    InvalidToken,
    /// The token lacks the scope.
    InsufficientScope,
    /// Anything that is no fault of the token.
    Other(OAuthError),
}

impl From<crate::store::StoreError> for BearerError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl BearerError {
    /// The answer, in the name of `realm` and with the scope that is needed.
    pub fn into_response(self, realm: &str, scope: &str) -> Response {
        let (status, code, description) = match self {
            Self::Other(error) => return error.into_response(),
            Self::NoCredentials => (StatusCode::UNAUTHORIZED, None, ""),
            Self::InvalidRequest(description) => (StatusCode::BAD_REQUEST, Some("invalid_request"), description),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some("invalid_token"), "the access token is invalid, expired or revoked"),
            Self::InsufficientScope => (StatusCode::FORBIDDEN, Some("insufficient_scope"), "the access token lacks a scope"),
        };
        let mut challenge = format!("Bearer realm=\"{realm}\"");
        if let Some(code) = code {
            challenge += &format!(", error=\"{code}\", error_description=\"{description}\"");
        }
        if matches!(self, Self::NoCredentials | Self::InsufficientScope) && !scope.is_empty() {
            challenge += &format!(", scope=\"{scope}\"");
        }
        let mut response = match code {
            Some(code) => (status, Json(json!({ "error": code, "error_description": description }))).into_response(),
            None => status.into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// A failure that a person sees, as a page. The page itself is made by `pages::error_pages`, which knows how pages look.
#[derive(Debug, Clone)]
pub struct PageError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What the person can do.
    pub message: String,
    /// What the client's developer should know; empty if nothing.
    pub detail: String,
}

impl PageError {
    /// A request that a client should not have sent, told to the person because it cannot be told to the client.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This link does not work",
            message: "The app that sent you here made a mistake. Go back to it and try again, or tell the people who run it.".to_owned(),
            detail: detail.into(),
        }
    }

    /// A page, or a request, that this browser does not know (any more).
    pub fn expired() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "This page has expired",
            message: "It was open for too long, or it was begun in another browser. Go back to the app and start again.".to_owned(),
            detail: String::new(),
        }
    }

    /// A form without the token of this browser.
    pub fn stale_form() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            message: "Nothing was changed. Go back, reload the page and try again.".to_owned(),
            ..Self::expired()
        }
    }

    /// An address that takes forms, opened as a page.
    pub fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            title: "This address cannot be opened",
            message: "It is no page of its own. Go back to where you came from.".to_owned(),
            detail: String::new(),
        }
    }

    /// Nothing is here.
    pub fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            title: "There is nothing here",
            message: "The address is wrong, or what was here is gone.".to_owned(),
            detail: String::new(),
        }
    }

    /// A failure on our side. The source is logged.
    pub fn server_error(source: impl std::fmt::Display) -> Self {
        tracing::error!(error = %source, "a page failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "Something went wrong",
            message: "The server could not answer. Try again in a moment.".to_owned(),
            detail: String::new(),
        }
    }
}

impl From<crate::store::StoreError> for PageError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::server_error(error)
    }
}

impl From<tower_sessions::session::Error> for PageError {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::server_error(error)
    }
}

impl From<OAuthError> for PageError {
    fn from(error: OAuthError) -> Self {
        error.log();
        let mut page = match error.code {
            Code::ServerError => Self::server_error("see above"),
            _ => Self::bad_request(error.safe_description()),
        };
        page.status = error.code.status();
        page
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
