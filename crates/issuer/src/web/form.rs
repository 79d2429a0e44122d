//! Extractors for form bodies and for the queries of pages. Both are parsed strictly (`oauth/form.rs`).

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use crate::audit::RequestInfo;
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::{Form, FormError};
use crate::oauth::plain_text::as_found;
use crate::web::client_ip::request_info;
use crate::web::error::page::PageError;

/// The body of a request, whatever its content type. A body over the server's limit is refused.
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                OAuthError::new(Code::TooLarge, "the body is larger than this server accepts, which is 64 KiB")
            } else {
                OAuthError::invalid_request("the body could not be read")
            }
        })
    }
}

/// The body of a request that should be a form.
pub struct SentForm {
    /// The body, not yet parsed.
    pub body: Bytes,
    /// Why the request is not read as a form: it has a query, or says that its body is something else.
    pub fault: Option<OAuthError>,
}

impl<S: Send + Sync> FromRequest<S> for SentForm {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let fault = no_form(&parts);
        let RawBody(body) = RawBody::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self { body, fault })
    }
}

/// Says why a request with this head is not read as a form. `None` if it is.
fn no_form(parts: &Parts) -> Option<OAuthError> {
    // URLs end up in logs, so no parameter is read from there. An error shows the developer that a secret may have leaked.
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        let text = "the URL: expected no query; found one; send the parameters in the body, because URLs end up in logs";
        return Some(OAuthError::invalid_request(text));
    }
    (!is_form(parts)).then(|| {
        let found = content_type(parts);
        OAuthError::invalid_request(format!("Content-Type: expected application/x-www-form-urlencoded, once; found {found}"))
    })
}

/// The body of a request that says it is a form, not yet parsed.
pub struct RawForm(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawForm {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        // The body of a request that is refused by its head is not read.
        if let Some(fault) = no_form(&parts) {
            return Err(fault);
        }
        let RawBody(body) = RawBody::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self(body))
    }
}

/// The parsed form of a request, with the facts about the request that endpoints need.
pub struct Parameters {
    /// The parameters of the body, each of which was sent only once.
    pub form: Form,
    headers: HeaderMap,
    /// The facts about the request that log lines and audit events need.
    pub request: RequestInfo,
}

impl Parameters {
    /// Returns the values of all `Authorization` headers, so that client authentication can refuse a second one.
    pub fn authorization(&self) -> impl Iterator<Item = &[u8]> {
        self.headers.get_all(header::AUTHORIZATION).iter().map(header::HeaderValue::as_bytes)
    }

    /// Adds to `error`, for the log, the client that the request names. It need not be the client that sent it.
    pub fn blame(&self, error: OAuthError) -> OAuthError {
        blame(error, self.authorization(), &self.form)
    }
}

/// Adds to `error`, for the log, the client that a request with these `Authorization` headers and this form names.
pub fn blame<'h>(error: OAuthError, authorization: impl Iterator<Item = &'h [u8]>, form: &Form) -> OAuthError {
    let named = match ClientCredentials::parse(authorization, form) {
        Ok(ClientCredentials::Id(id) | ClientCredentials::Secret(id, ..) | ClientCredentials::Assertion(Some(id), _)) => Some(id),
        _ => form.get("client_id").map(str::to_owned),
    };
    error.of_client(named.as_deref())
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let (headers, info) = (parts.headers.clone(), request_info(&parts)?);
        let refused =
            |error, form: &Form| blame(error, headers.get_all(header::AUTHORIZATION).iter().map(header::HeaderValue::as_bytes), form);
        let unread = Form::default();
        let RawForm(body) =
            RawForm::from_request(Request::from_parts(parts, body), state).await.map_err(|error| refused(error, &unread))?;
        let invalid = |error: FormError| OAuthError::invalid_request(error.to_string());
        let form = Form::collect(&body).map_err(|error| refused(invalid(error), &unread))?;
        form.refuse_repeated(&[]).map_err(|error| refused(invalid(error), &form))?;
        Ok(Self { form, headers, request: info })
    }
}

/// Returns `true` if the request has exactly one `Content-Type` and that is the one of a form.
pub fn is_form(parts: &Parts) -> bool {
    let mut types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let media_type = only.to_str().ok().and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Returns the `Content-Type` of the request for a message.
fn content_type(parts: &Parts) -> String {
    let types: Vec<_> = parts.headers.get_all(header::CONTENT_TYPE).iter().collect();
    match types.as_slice() {
        [] => "none".to_owned(),
        [only] => as_found(&String::from_utf8_lossy(only.as_bytes())),
        _ => "several".to_owned(),
    }
}

/// The query of a page. `request` is the id of the authorization request that the page is about, if it is about one.
pub struct PageQuery(Form);

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        form.map(Self).map_err(|error| if is_administration(parts.uri.path()) { unreadable(&error) } else { PageError::not_a_start() })
    }
}

/// Returns whether `path` is the one of a page of the administration.
fn is_administration(path: &str) -> bool {
    path.strip_prefix("/admin").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the page for an address of the administration whose query cannot be parsed because of `error`.
fn unreadable(error: &FormError) -> PageError {
    let reason = match error {
        FormError::Repeated(_) => error.to_string(),
        FormError::NotText => "after the question mark, the address was expected to have percent-encoded UTF-8 text, such as \
                               q=alice%20smith, but it has other bytes, a NUL or a stray percent sign"
            .to_owned(),
    };
    PageError::admin(StatusCode::BAD_REQUEST, "This address does not work", reason)
}

impl PageQuery {
    /// Returns the value of `name` without surrounding spaces; empty if the query has none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default().trim()
    }

    /// Returns the names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// Returns the id of the authorization request; empty if the page was opened without one.
    pub fn request_or_none(&self) -> &str {
        self.0.get("request").unwrap_or_default()
    }

    /// Returns the id of the authorization request. Fails if the query has none.
    pub fn request(&self) -> Result<&str, PageError> {
        self.0.get("request").ok_or_else(PageError::not_a_start)
    }
}
