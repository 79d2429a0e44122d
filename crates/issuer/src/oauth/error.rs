//! The errors of OAuth 2.0 and OpenID Connect (RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6), as values. The
//! source of an error is logged, never sent.

use serde::{Deserialize, Serialize};

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

/// An error as the client is told it in the redirect (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// The error code of the specifications.
    pub error: String,
    /// Help for the client's developer.
    pub description: String,
}

impl From<&OAuthError> for ErrorResponse {
    fn from(error: &OAuthError) -> Self {
        Self { error: error.code.as_str().to_owned(), description: error.safe_description() }
    }
}
