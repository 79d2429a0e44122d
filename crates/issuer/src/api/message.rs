//! The messages of the REST API: bodies that are read strictly, parameters of the path, and answers with their headers.
#![expect(clippy::result_large_err, reason = "a problem is made at most once for each request")]
#![expect(clippy::option_option, reason = "in a merge patch null removes a value, and absence keeps it")]

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::admin::Listing;
use crate::api::access::{Access, PREFIX};
use crate::api::pointer::Sent;
use crate::api::version::Versioned;
use crate::app::App;
use crate::oauth::json::{self, JsonError, Unreadable, escaped};
use crate::web::error::problem::Problem;

/// The characters that are encoded in a path: all but the unreserved ones (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The answer of a handler.
pub type Answer = Result<Response, Problem>;

/// A JSON body. Members that the type does not know are refused, so that a misspelled one is not ignored.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let expected = "expected the content type application/json, or application/merge-patch+json with PATCH";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, expected));
        }
        let sent = request.extensions().get::<Sent>().cloned();
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
            let status = rejection.into_response().status();
            Problem::new(status, "the body could not be read; it may have at most 64 KiB")
        })?;
        let body = read(&bytes).map(Self);
        if let Some(sent) = sent {
            sent.keep(bytes);
        }
        body
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"].iter().any(|known| media_type.eq_ignore_ascii_case(known))
}

/// Parses a body. The problem names the member at fault by its JSON pointer.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value = json::parse(bytes).map_err(|error| match error {
        JsonError::Empty => Problem::new(StatusCode::BAD_REQUEST, "the body is empty; expected a JSON object"),
        JsonError::Syntax(_) => Problem::new(StatusCode::BAD_REQUEST, format!("the body: expected a JSON object; {error}")),
        JsonError::Twice { pointer } => Problem::of_member(format!("#{pointer}"), "expected each member once; this one is there twice"),
    })?;
    if !value.is_object() {
        return Err(Problem::of_member("#".to_owned(), format!("expected an object; found {}", json::kind(&value))));
    }
    if let Some(pointer) = nul_in(&value) {
        return Err(Problem::of_member(format!("#{pointer}"), "expected text without the character U+0000, which cannot be stored"));
    }
    json::read_all(&value).map_err(|faults| {
        let of = |fault: Unreadable| Problem::of_member(format!("#{}", fault.pointer), format!("expected {}", fault.expected));
        let all = faults.into_iter().map(of).reduce(Problem::and);
        all.unwrap_or_else(|| Problem::of_member("#".to_owned(), "expected another value"))
    })
}

/// Returns the JSON pointer of a text in `value`, or of a member by its name, that has the character U+0000. `None` if none has.
fn nul_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| Some(format!("/{index}{}", nul_in(item)?))),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let below = if name.contains('\0') { Some(String::new()) } else { nul_in(value) };
            Some(format!("/{}{}", escaped(name), below?))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Reads a member of a merge patch that may be `null`, which removes the value (RFC 7396). Use it with `serde(default)`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a member of a merge patch that `null` gives the value that a new object has without it. Use it with `serde(default)`.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer).map(|value: Option<T>| Some(value.unwrap_or_default()))
}

/// Reads a member of a merge patch that must not be `null`, because no object can be without it. Use it with `serde(default)`.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The parameter of the path, percent-decoded.
#[derive(Debug)]
pub struct Name<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for Name<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let found = Path::<T>::from_request_parts(parts, app).await;
        // A name that cannot be parsed is one that nothing has.
        found.map(|Path(name)| Self(name)).map_err(|_| Problem::new(StatusCode::NOT_FOUND, "there is nothing of this name"))
    }
}

/// Answers 200 with `view`, which no cache may keep.
pub fn shown(view: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response()
}

/// Answers 200 with `view` and its version as the `ETag`.
pub fn versioned(view: &impl Versioned) -> Response {
    ([(header::ETAG, format!("\"{}\"", view.version()))], shown(view)).into_response()
}

/// Answers 201 with `view`, which stands at the URL of the request followed by `id`.
pub fn created(access: &Access, id: &str, view: &impl Versioned) -> Response {
    created_at(&format!("{}/{}", access.url().trim_end_matches('/'), segment(id)), view)
}

/// Answers 201 with `view`, which stands in the collection `path` below the prefix under the name `id`.
pub fn created_in(access: &Access, path: &str, id: &str, view: &impl Versioned) -> Response {
    created_at(&access.app().settings.issuer.endpoint(&format!("{PREFIX}{path}/{}", segment(id))), view)
}

fn created_at(location: &str, view: &impl Versioned) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, location.to_owned())], versioned(view)).into_response()
}

/// Encodes `name` as one segment of a path.
fn segment(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// Answers 200 with a page of a list, and with a link to the next page (RFC 8288).
pub fn page<V: Serialize>(access: &Access, listing: Listing<V>, limit: u64) -> Response {
    let next = listing.next.map(|cursor| BASE64_URL_SAFE_NO_PAD.encode(cursor));
    let link = next.as_ref().map(|next| format!("<{}>; rel=\"next\"", access.next_page(next, limit)));
    let mut response = shown(Listing { items: listing.items, next });
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// Answers 204, without a body.
pub fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
