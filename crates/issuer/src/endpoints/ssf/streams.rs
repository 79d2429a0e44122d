//! The management of streams (SSF 1.0, "Event Stream Management"): configuration, status, subjects and verification.

use axum::extract::RawQuery;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{Body, Manager, Reader};
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::signals::{status as statuses, streams as operations, subjects};
use crate::web::respond::no_store;

/// Returns the parameter `stream_id` of the query. An empty one does not count as absent: it is the id of no stream.
fn stream_of(query: Option<&str>) -> Result<Option<String>, OAuthError> {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).map_err(|error| OAuthError::invalid_request(error.to_string()))?;
    let is_given = form.names().any(|name| name == "stream_id");
    Ok(is_given.then(|| form.get("stream_id").unwrap_or_default().to_owned()))
}

/// Returns the member `stream_id` of the body, by which a changed stream is found. A query that names another stream is a mistake of the
/// receiver.
fn stream_in<'a>(body: &'a Body, query: Option<&str>) -> Result<&'a str, OAuthError> {
    let id = body.stream()?;
    match stream_of(query)? {
        Some(other) if other != id => {
            Err(OAuthError::invalid_request("stream_id: expected the same id in the body as in the query, or only in the body"))
        }
        _ => Ok(id),
    }
}

fn required(id: Option<String>) -> Result<String, OAuthError> {
    id.ok_or_else(|| OAuthError::invalid_request("stream_id: expected the id of a stream in the query"))
}

fn with_status(status: StatusCode, body: Value) -> Response {
    let mut response = no_store(body);
    *response.status_mut() = status;
    response
}

fn empty(status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
}

/// `POST /ssf/streams`: makes a stream.
pub async fn create(Manager(caller): Manager, Body(body): Body) -> Result<Response, OAuthError> {
    Ok(with_status(StatusCode::CREATED, operations::create(caller.receiver(), &body).await?))
}

/// `GET /ssf/streams`: returns one stream, or all streams of the client.
pub async fn read(Reader(caller): Reader, RawQuery(query): RawQuery) -> Result<Response, OAuthError> {
    match stream_of(query.as_deref())? {
        Some(id) => Ok(no_store(operations::read(caller.receiver(), &id).await?)),
        None => Ok(no_store(operations::list(caller.receiver()).await?)),
    }
}

/// `PATCH /ssf/streams`: changes the members that the body has.
pub async fn update(Manager(caller): Manager, RawQuery(query): RawQuery, body: Body) -> Result<Response, OAuthError> {
    Ok(no_store(operations::change(caller.receiver(), stream_in(&body, query.as_deref())?, &body.0, false).await?))
}

/// `PUT /ssf/streams`: puts the body in place of the configuration.
pub async fn replace(Manager(caller): Manager, RawQuery(query): RawQuery, body: Body) -> Result<Response, OAuthError> {
    Ok(no_store(operations::change(caller.receiver(), stream_in(&body, query.as_deref())?, &body.0, true).await?))
}

/// `DELETE /ssf/streams`: removes a stream.
pub async fn remove(Manager(caller): Manager, RawQuery(query): RawQuery) -> Result<Response, OAuthError> {
    operations::remove(caller.receiver(), &required(stream_of(query.as_deref())?)?).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET /ssf/status`: returns the status of a stream.
pub async fn status(Reader(caller): Reader, RawQuery(query): RawQuery) -> Result<Response, OAuthError> {
    Ok(no_store(statuses::read(caller.receiver(), &required(stream_of(query.as_deref())?)?).await?))
}

/// `POST /ssf/status`: sets the status of a stream.
pub async fn set_status(Manager(caller): Manager, body: Body) -> Result<Response, OAuthError> {
    Ok(no_store(statuses::set(caller.receiver(), body.stream()?, &body.0).await?))
}

/// `POST /ssf/subjects/add`: adds a user to a stream again.
pub async fn add_subject(Manager(caller): Manager, body: Body) -> Result<Response, OAuthError> {
    subjects::add(caller.receiver(), body.stream()?, &body.0).await?;
    Ok(empty(StatusCode::OK))
}

/// `POST /ssf/subjects/remove`: removes a user from a stream.
pub async fn remove_subject(Manager(caller): Manager, body: Body) -> Result<Response, OAuthError> {
    subjects::remove(caller.receiver(), body.stream()?, &body.0).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST /ssf/verify`: lets a verification event be sent.
pub async fn verify(Manager(caller): Manager, body: Body) -> Result<Response, OAuthError> {
    statuses::verify(caller.receiver(), body.stream()?, &body.0).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
