//! An authorization request (OpenID Connect Core §3.1.2.1, RFC 6749 §4.1.1, RFC 8707 §2), read and checked on its own: what
//! needs the database or the person comes after.

use serde::{Deserialize, Serialize};

use crate::oauth::acr::Acr;
use crate::oauth::claims_request::ClaimsRequest;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::pkce;
use crate::oauth::prompt::Prompt;
use crate::oauth::scope::ScopeSet;

/// How the answer reaches the client (`response_mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// By a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// `response_modes_supported`.
pub const RESPONSE_MODES: [&str; 2] = ["query", "form_post"];
/// `response_types_supported`.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

/// Where the answer goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResponseTarget {
    /// Registered for the client.
    pub redirect_uri: String,
    /// How.
    pub response_mode: ResponseMode,
    /// Given back unchanged.
    pub state: Option<String>,
}

/// The request, without where its answer goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The scopes asked for; none if the client leaves that to its registration.
    pub scope: Option<String>,
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// What the code is bound to (RFC 7636).
    pub code_challenge: Option<String>,
    /// Identifiers of the resources that tokens are asked for.
    pub resources: Vec<String>,
    /// What the person must be asked.
    pub prompt: Prompt,
    /// How long ago the person may have signed in, in seconds.
    pub max_age: Option<i64>,
    /// The user name to begin with.
    pub login_hint: Option<String>,
    /// Claims asked for one by one.
    pub claims: ClaimsRequest,
}

/// The longest `state` or `nonce`, in bytes.
const MAX_ECHO: usize = 2048;
const MAX_RESOURCES: usize = 10;

impl ResponseTarget {
    /// Reads `response_mode` and `state`. An error goes back by query.
    pub fn parse(redirect_uri: &str, form: &Form) -> (Self, Result<(), OAuthError>) {
        let mut target =
            Self { redirect_uri: redirect_uri.to_owned(), response_mode: ResponseMode::Query, state: form.get("state").map(str::to_owned) };
        let checked = match form.get("response_mode") {
            None | Some("query") => Ok(()),
            Some("form_post") => {
                target.response_mode = ResponseMode::FormPost;
                Ok(())
            }
            Some(_) => Err(OAuthError::invalid_request("response_mode: expected query or form_post")),
        };
        if target.state.as_ref().is_some_and(|state| state.len() > MAX_ECHO) {
            target.state = None;
            return (target, Err(OAuthError::invalid_request("state: it is too long")));
        }
        (target, checked)
    }
}

impl AuthorizationRequest {
    /// Reads and checks the parameters, for a client that must send a PKCE challenge if `require_pkce`.
    pub fn parse(form: &Form, require_pkce: bool) -> Result<Self, OAuthError> {
        for (parameter, code) in [
            ("request", Code::RequestNotSupported),
            ("request_uri", Code::RequestUriNotSupported),
            ("registration", Code::RegistrationNotSupported),
        ] {
            if form.all(parameter).next().is_some() {
                return Err(OAuthError::new(code, format!("{parameter} is not supported")));
            }
        }
        if form.has_repeated(&["resource"]) {
            return Err(OAuthError::invalid_request("a parameter is repeated"));
        }
        match form.get("response_type") {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("response_type is missing")),
            Some(_) => return Err(OAuthError::new(Code::UnsupportedResponseType, "response_type: expected code")),
        }
        let request = Self {
            scope: form.get("scope").map(str::to_owned),
            nonce: form.get("nonce").map(str::to_owned),
            code_challenge: challenge(form, require_pkce)?,
            resources: form.all("resource").map(str::to_owned).collect(),
            prompt: form
                .get("prompt")
                .map_or(Ok(Prompt::default()), Prompt::parse)
                .map_err(|error| OAuthError::invalid_request(error.to_string()))?,
            max_age: max_age(form)?,
            login_hint: form.get("login_hint").filter(|hint| hint.len() <= 256).map(str::to_owned),
            claims: form
                .get("claims")
                .map_or(Ok(ClaimsRequest::default()), ClaimsRequest::parse)
                .map_err(|error| OAuthError::invalid_request(error.to_string()))?,
        };
        request.requested_scope()?;
        if request.resources.len() > MAX_RESOURCES {
            return Err(OAuthError::invalid_request(format!("resource: expected at most {MAX_RESOURCES}")));
        }
        if request.nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_ECHO) {
            return Err(OAuthError::invalid_request("nonce: it is too long"));
        }
        if !Acr::ALL.iter().any(|acr| request.claims.accepts_acr(acr.as_str())) {
            return Err(OAuthError::new(Code::UnmetAuthenticationRequirements, "claims: no way of signing in here gives this acr"));
        }
        Ok(request)
    }

    /// The scopes asked for.
    pub fn requested_scope(&self) -> Result<Option<ScopeSet>, OAuthError> {
        let parsed = self.scope.as_deref().map(ScopeSet::parse).transpose();
        parsed.map_err(|error| OAuthError::new(Code::InvalidScope, error.to_string()))
    }
}

fn challenge(form: &Form, required: bool) -> Result<Option<String>, OAuthError> {
    match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (None, None) if required => Err(OAuthError::invalid_request("code_challenge is missing: this client must use PKCE")),
        (None, None) => Ok(None),
        (Some(challenge), Some(pkce::METHOD)) if pkce::is_challenge(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some(pkce::METHOD)) => Err(OAuthError::invalid_request("code_challenge: expected the base64url of a SHA-256")),
        _ => Err(OAuthError::invalid_request("code_challenge_method: expected S256 beside a code_challenge")),
    }
}

fn max_age(form: &Form) -> Result<Option<i64>, OAuthError> {
    let Some(value) = form.get("max_age") else { return Ok(None) };
    let seconds = value.parse().ok().filter(|seconds| *seconds >= 0);
    seconds.map(Some).ok_or_else(|| OAuthError::invalid_request("max_age: expected seconds, 0 or more"))
}
