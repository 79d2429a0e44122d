//! Reads the bearer token of a request (RFC 6750 §2).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};

use crate::oauth::authorization_header::has_credentials;
use crate::oauth::form::Form;
use crate::web::error::bearer::BearerError;
use crate::web::form::is_form;

/// Returns the token of the `Authorization` header or of a form body (RFC 6750 §2.1, §2.2). A token in the URL is ignored. Fails if
/// there is no token, or if the header and the body both carry one.
pub async fn bearer_token(request: Request) -> Result<String, BearerError> {
    let (parts, body) = request.into_parts();
    let in_header = header_token(&parts.headers)?;
    let in_body = if parts.method == Method::POST && is_form(&parts) {
        let body = Bytes::from_request(Request::from_parts(parts, body), &()).await;
        let body = body.map_err(|_| BearerError::InvalidRequest("the body could not be read"))?;
        let form = Form::parse(&body).map_err(|_| BearerError::InvalidRequest("the body is not a form"))?;
        form.get("access_token").map(str::to_owned)
    } else {
        None
    };
    match (in_header, in_body) {
        (Some(_), Some(_)) => Err(BearerError::InvalidRequest("the token was sent twice")),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(BearerError::NoCredentials("the request carries no access token")),
    }
}

/// Returns the token of the `Authorization` header; `None` if the header is missing, carries no credentials or has another scheme. Fails if
/// there are two such headers.
pub fn header_token(headers: &HeaderMap) -> Result<Option<String>, BearerError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter().filter(|value| has_credentials(value.as_bytes()));
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(BearerError::InvalidRequest("more than one Authorization header"));
    }
    let token = first.and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    Ok(token)
}
