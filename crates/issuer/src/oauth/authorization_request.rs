//! Parses an authorization request (OpenID Connect Core §3.1.2.1, RFC 6749 §4.1.1, RFC 8707 §2) and makes the checks that need
//! neither the database nor the user.

use serde::{Deserialize, Serialize};

use crate::oauth::acr::Acr;
use crate::oauth::claims_request::ClaimsRequest;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::issuer::Issuer;
use crate::oauth::pkce::Pkce;
use crate::oauth::plain_text::as_found;
use crate::oauth::prompt::Prompt;
use crate::oauth::redirect_uri;
use crate::oauth::scope::ScopeSet;

/// The way in which the answer reaches the client (`response_mode`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// A redirect carries the answer in the query of the redirect URI.
    #[default]
    Query,
    /// The browser posts the answer as a form (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// The values of `response_modes_supported` in the discovery document.
pub const RESPONSE_MODES: [&str; 2] = ["query", "form_post"];
/// The values of `response_types_supported` in the discovery document.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

/// The URI to which the issuer sends the answer to an authorization request, and the way in which it sends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ResponseTarget {
    /// The URI as the request sent it, after it was matched with a registered one.
    pub redirect_uri: String,
    pub response_mode: ResponseMode,
    /// Returned to the client unchanged.
    pub state: Option<String>,
}

/// The parameters of an authorization request, except those of [`ResponseTarget`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AuthorizationRequest {
    /// `None` if the client leaves the scopes to its registration.
    pub scope: Option<String>,
    /// The issuer copies it into the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge that the code is bound to (RFC 7636), always of method S256.
    pub code_challenge: Option<String>,
    /// Identifiers of the resources that the client asks tokens for.
    pub resources: Vec<String>,
    pub prompt: Prompt,
    /// The user must sign in again if their last sign-in is more than this many seconds ago.
    pub max_age: Option<i64>,
    /// The username that the sign-in page suggests.
    pub login_hint: Option<String>,
    pub claims: ClaimsRequest,
}

/// The greatest length of `state`, in bytes.
const MAX_STATE: usize = 4096;
/// The greatest length of `nonce`, in bytes. The issuer reads the ID tokens that repeat it as `id_token_hint`.
const MAX_NONCE: usize = 1024;
const MAX_RESOURCES: usize = 10;

impl ResponseTarget {
    /// Reads `response_mode` and `state`. The target is usable even beside an error, so that the client can be told the error there.
    /// An unknown `response_mode` counts as `query`, and a `state` that is too long is dropped. A form is posted to no page of `issuer`.
    pub fn parse(redirect_uri: &str, form: &Form, issuer: &Issuer) -> (Self, Result<(), OAuthError>) {
        let mut target =
            Self { redirect_uri: redirect_uri.to_owned(), response_mode: ResponseMode::Query, state: form.get("state").map(str::to_owned) };
        let checked = match form.get("response_mode") {
            None | Some("query") => Ok(()),
            // A browser cannot post a form to an app.
            Some("form_post") if !redirect_uri::is_web(&target.redirect_uri) => Err(OAuthError::invalid_request(
                "response_mode: expected query, because this redirect_uri is neither https nor http; found form_post",
            )),
            // The form would come from the issuer's own page, as those of its people do, and might sign them out.
            Some("form_post") if redirect_uri::is_below(&target.redirect_uri, issuer) => Err(OAuthError::invalid_request(
                "response_mode: expected query, because this redirect_uri is the issuer's own; found form_post",
            )),
            Some("form_post") => {
                target.response_mode = ResponseMode::FormPost;
                Ok(())
            }
            Some(other) => {
                Err(OAuthError::invalid_request(format!("response_mode: expected query or form_post; found {}", as_found(other))))
            }
        };
        if let Some(state) = target.state.take_if(|state| state.len() > MAX_STATE) {
            let error = OAuthError::invalid_request(format!("state: expected at most {MAX_STATE} bytes; found {}", state.len()));
            return (target, Err(error));
        }
        (target, checked)
    }
}

impl AuthorizationRequest {
    /// Reads and checks the parameters. `pkce` says whether the client must send a PKCE challenge, and `may_ask_openid` whether it is registered for
    /// the scope `openid`. The error is meant for the client.
    pub fn parse(form: &Form, pkce: Pkce, may_ask_openid: bool) -> Result<Self, OAuthError> {
        for (parameter, code) in [
            ("request", Code::RequestNotSupported),
            ("request_uri", Code::RequestUriNotSupported),
            ("registration", Code::RegistrationNotSupported),
        ] {
            if form.all(parameter).next().is_some() {
                return Err(OAuthError::new(code, format!("{parameter} is not supported")));
            }
        }
        form.refuse_repeated(&["resource"]).map_err(|error| OAuthError::invalid_request(error.to_string()))?;
        match form.get("response_type") {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("response_type: expected code; found none")),
            Some(other) => {
                let text = format!("response_type: expected code; found {}", as_found(other));
                return Err(OAuthError::new(Code::UnsupportedResponseType, text));
            }
        }
        let request = Self {
            scope: form.get("scope").map(str::to_owned),
            nonce: form.get("nonce").map(str::to_owned),
            code_challenge: pkce.challenge(form, may_ask_openid)?,
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
            let found = request.resources.len();
            return Err(OAuthError::invalid_request(format!("resource: expected at most {MAX_RESOURCES} values; found {found}")));
        }
        if let Some(nonce) = request.nonce.as_ref().filter(|nonce| nonce.len() > MAX_NONCE) {
            return Err(OAuthError::invalid_request(format!("nonce: expected at most {MAX_NONCE} bytes; found {}", nonce.len())));
        }
        if !Acr::ALL.iter().any(|acr| request.claims.accepts_acr(acr.as_str())) {
            return Err(OAuthError::new(
                Code::UnmetAuthenticationRequirements,
                "claims: no authentication method of this issuer reaches this acr",
            ));
        }
        Ok(request)
    }

    /// Parses `scope`. Returns `None` if the client sent none, and `invalid_scope` if it is malformed.
    pub fn requested_scope(&self) -> Result<Option<ScopeSet>, OAuthError> {
        let parsed = self.scope.as_deref().map(ScopeSet::parse).transpose();
        parsed.map_err(|error| OAuthError::new(Code::InvalidScope, error.to_string()))
    }
}

fn max_age(form: &Form) -> Result<Option<i64>, OAuthError> {
    let Some(value) = form.get("max_age") else { return Ok(None) };
    let seconds = value.parse().ok().filter(|seconds| *seconds >= 0);
    let wrong = || OAuthError::invalid_request(format!("max_age: expected a number of seconds, 0 or more; found {}", as_found(value)));
    seconds.map(Some).ok_or_else(wrong)
}
