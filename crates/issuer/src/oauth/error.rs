//! The errors of OAuth 2.0 and OpenID Connect (RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6) as values. The issuer
//! logs the source of an error and never sends it.

use serde::{Deserialize, Serialize};

/// An error code, from which the HTTP status follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// The request is malformed.
    InvalidRequest,
    /// Client authentication failed.
    InvalidClient,
    /// The user's credentials are wrong, or the grant is invalid, expired or revoked.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The issuer does not support this grant.
    UnsupportedGrantType,
    /// The scope is malformed, or the issuer can grant nothing of it.
    InvalidScope,
    /// The resource is unknown, or this client may not use it (RFC 8707 §2).
    InvalidTarget,
    /// The issuer does not support this response type.
    UnsupportedResponseType,
    /// The user or the issuer refused the request.
    AccessDenied,
    /// The user would have to sign in, but the request forbids any page (`prompt=none`).
    LoginRequired,
    /// The user would have to do something else, but the request forbids any page (`prompt=none`).
    InteractionRequired,
    /// The user would have to consent, but the request forbids any page (`prompt=none`).
    ConsentRequired,
    /// The issuer does not support the `request` parameter.
    RequestNotSupported,
    /// The issuer does not support the `request_uri` parameter.
    RequestUriNotSupported,
    /// The issuer does not support the `registration` parameter.
    RegistrationNotSupported,
    /// No authentication method reaches the `acr` that the client requires.
    UnmetAuthenticationRequirements,
    /// The client may not register this redirect URI (RFC 7591 §3.2.2).
    InvalidRedirectUri,
    /// The client may not register this metadata (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// The endpoint does not support this HTTP method.
    MethodNotAllowed,
    /// The client may not do this.
    Forbidden,
    /// There is no such thing, or it belongs to another client.
    NotFound,
    /// The client has as many things of this kind as it may have.
    Conflict,
    /// The body is longer than the issuer accepts.
    TooLarge,
    /// There were too many attempts. The next one is allowed after this many seconds.
    TooManyAttempts(u64),
    /// The server is busy. The same request may succeed a moment later.
    Busy,
    /// The database cannot be reached or written. The same request may succeed once that has passed.
    Unavailable,
    /// The issuer itself failed.
    ServerError,
}

impl Code {
    /// The code as the specifications spell it. Where they define none, the closest one.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied | Self::Forbidden => "access_denied",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRequest | Self::MethodNotAllowed | Self::TooLarge => "invalid_request",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::TooManyAttempts(_) | Self::Busy | Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }
}

/// An error that a protocol endpoint answers with.
#[derive(Debug, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
#[expect(missing_docs, reason = "the names say it")]
pub struct OAuthError {
    pub code: Code,
    /// A text for the client's developer, in printable ASCII without `"` and `\`.
    pub description: String,
    /// The cause, which is logged and never sent.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What the operator should know beside the description. It is logged and never sent.
    pub reason: Option<String>,
    /// The client that sent the request, or says so. It is logged and never sent.
    pub client: Option<String>,
}

impl OAuthError {
    /// An error that the request alone causes, so that there is no source.
    pub fn new(code: Code, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), source: None, reason: None, client: None }
    }

    /// An `invalid_request` error. The description says what was expected.
    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// The answer to every client that could not authenticate. It is always the same, so that an attacker cannot learn which check failed.
    pub fn invalid_client() -> Self {
        Self::new(Code::InvalidClient, "client authentication failed")
    }

    /// The answer to all wrong credentials and grants. It is always the same, so that an attacker cannot learn which check failed.
    pub fn invalid_grant() -> Self {
        Self::new(Code::InvalidGrant, "the credentials or the grant are invalid, expired or revoked")
    }

    /// A failure of the database as a whole, which passes when the database is back.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let description = "the server cannot reach or change its database at the moment; try again".to_owned();
        Self { source: Some(source.into()), ..Self::new(Code::Unavailable, description) }
    }

    /// A failure of the issuer itself.
    pub fn server_error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Code::ServerError, "the server could not answer; try again") }
    }

    /// Adds what the operator should know, unless that was added before. It is logged and never sent.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason.get_or_insert_with(|| reason.into());
        self
    }

    /// Adds the client that sent the request, or says so, unless that was added before. It is logged and never sent.
    #[must_use]
    pub fn of_client(mut self, client: Option<&str>) -> Self {
        self.client = self.client.or(client.map(str::to_owned));
        self
    }

    /// The description, in which `?` replaces each character that RFC 6749 §5.2 does not allow.
    pub fn safe_description(&self) -> String {
        self.description.chars().map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\') { c } else { '?' }).collect()
    }

    /// Logs the source, if there is one, and what caused that, such as the whole error of the database.
    pub fn log(&self) {
        if let Some(source) = &self.source {
            let cause = source.source().map(tracing::field::display);
            tracing::error!(error = %source, cause, "request failed");
        }
    }
}

/// The error parameters in the redirect to the client (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ErrorResponse {
    /// The code as [`Code::as_str`] spells it.
    pub error: String,
    /// The value of `error_description`, a text for the client's developer.
    pub description: String,
}

impl From<&OAuthError> for ErrorResponse {
    fn from(error: &OAuthError) -> Self {
        Self { error: error.code.as_str().to_owned(), description: error.safe_description() }
    }
}
