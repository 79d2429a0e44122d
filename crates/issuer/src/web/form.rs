//! `Parameters`: the form body of a request, strictly read.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

use crate::audit::RequestInfo;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::Form;
use crate::web::client_ip::request_info;
use crate::web::error::page::PageError;

/// A body of any kind, up to the limit for all.
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                OAuthError::new(Code::TooLarge, "the body is too large")
            } else {
                OAuthError::invalid_request("the body could not be read")
            }
        })
    }
}

/// An encoded form, unread.
pub struct RawForm(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawForm {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        // Parameters in the URL end up in logs, so none are taken from there, and no secret is left there unnoticed.
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            return Err(OAuthError::invalid_request("send the parameters in the body, not in the URL"));
        }
        if !is_form(&parts) {
            return Err(OAuthError::invalid_request("the content type must be application/x-www-form-urlencoded"));
        }
        let RawBody(body) = RawBody::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self(body))
    }
}

/// A form, the headers it came with, and where it came from.
pub struct Parameters {
    /// The parameters.
    pub form: Form,
    headers: HeaderMap,
    /// What log lines and audit events say about the request.
    pub request: RequestInfo,
}

impl Parameters {
    /// The `Authorization` headers of the request.
    pub fn authorization(&self) -> impl Iterator<Item = &[u8]> {
        self.headers.get_all(header::AUTHORIZATION).iter().map(header::HeaderValue::as_bytes)
    }
}

impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = OAuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        let (headers, info) = (parts.headers.clone(), request_info(&parts)?);
        let RawForm(body) = RawForm::from_request(Request::from_parts(parts, body), state).await?;
        let form = Form::parse(&body).map_err(|error| OAuthError::invalid_request(error.to_string()))?;
        Ok(Self { form, headers, request: info })
    }
}

/// Whether the body says it is a form. Two content types are none.
pub fn is_form(parts: &Parts) -> bool {
    let mut types = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let media_type = only.to_str().ok().and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The query of a page: which request it is about, and what was just done there, if anything.
pub struct PageQuery(Form);

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self).map_err(|_| PageError::expired())
    }
}

impl PageQuery {
    /// The id of the authorization request; empty if there is none.
    pub fn request_or_none(&self) -> &str {
        self.0.get("request").unwrap_or_default()
    }

    /// What was just done, where a form was sent that leads here.
    pub fn done(&self) -> &str {
        self.0.get("done").unwrap_or_default()
    }

    /// The id of the authorization request, which there must be.
    pub fn request(&self) -> Result<&str, PageError> {
        self.0.get("request").ok_or_else(PageError::expired)
    }
}
