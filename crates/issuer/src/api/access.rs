//! The access of a request: its bearer token, looked up live, and what the token permits.
#![expect(clippy::result_large_err, reason = "a problem is made at most once for each request")]

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::admin::preview::{self, Preview, Subject};
use crate::admin::{self, Change, Operation, Reading, Window, Work, permission};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::oauth::form::Form;
use crate::oauth::scope::ScopeSet;
use crate::tokens::lookup::{Invalid, look_up};
use crate::web::bearer::header_token;
use crate::web::client_ip::request_info;
use crate::web::error::bearer::BearerError;
use crate::web::error::problem::Problem;
use crate::web::error::refusal::Caller;

/// The path under which all routes stand.
pub const PREFIX: &str = "/api/v1";
/// The number of items of a page unless the request names another.
pub const PAGE: u64 = 50;
/// The largest number of items of a page.
pub const MAX_PAGE: u64 = 200;

/// A request whose token permits the operation of its route. Only this leads a handler to the issuer.
pub struct Access {
    app: Arc<App>,
    actor: Actor,
    expected: Option<Vec<i32>>,
    query: Form,
    url: String,
}

impl FromRequestParts<Arc<App>> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Some(operation) = parts.extensions.get::<Operation>().copied() else {
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the route declares no operation, so nobody may call it"));
        };
        let actor = authenticate(app, parts).await?;
        permission::require(&actor, operation, app.now())?;
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the query: {error}")))?;
        let expected = expected_versions(parts)?;
        // The path of a nested route has lost its beginning.
        let url = app.settings.issuer.endpoint(&format!("{PREFIX}{}", parts.uri.path()));
        Ok(Self { app: Arc::clone(app), actor, expected, query, url })
    }
}

/// Returns the administrator whose token the request carries.
async fn authenticate(app: &App, parts: &Parts) -> Result<Actor, Problem> {
    let token = header_token(&parts.headers)?;
    let token = token.ok_or(BearerError::NoCredentials("send an access token for the issuer as a bearer token"))?;
    let found = look_up(app, &token).await?.map_err(BearerError::from)?;
    if let Some(caller) = parts.extensions.get::<Caller>() {
        caller.note(&found.client.id);
    }
    let (own, client, user) = found.into_access().map_err(BearerError::from)?;
    if !own.aud.contains(app.settings.issuer.as_str()) {
        return Err(BearerError::from(Invalid::of_other_resource(&client.id)).into());
    }
    // The token may be older than the last change of the user's roles and of the client's scopes.
    let allowed = |name: &str| client.scopes.iter().any(|scope| scope.name == name);
    let (who, scopes, signed_in): (Who, ScopeSet, _) = match user {
        Some((user, row)) => {
            let scopes = own.scopes().filtered(|name| allowed(name) && user.scopes.iter().any(|own| own == name));
            (Who::User(user.id), scopes, Some(row.auth_time))
        }
        None => (Who::Client(client.id.clone()), own.scopes().filtered(allowed), None),
    };
    Ok(Actor::remote(who, Face::Api, &request_info(parts)?).with_scopes(scopes, signed_in))
}

/// Returns the versions that `If-Match` names; `None` for `*`, and for methods that need none (RFC 9110 §13.1.1, RFC 6585 §3).
fn expected_versions(parts: &Parts) -> Result<Option<Vec<i32>>, Problem> {
    if ![Method::PATCH, Method::PUT, Method::DELETE].contains(&parts.method) {
        return Ok(None);
    }
    let lines: Vec<&[u8]> = parts.headers.get_all(header::IF_MATCH).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        let missing = "send the ETag that you read in If-Match, so that you do not undo the change of another administrator";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, missing));
    }
    // The lines of a header are one list (RFC 9110 §5.3).
    let list = lines.join(&b',');
    if list.trim_ascii() == b"*" {
        return Ok(None);
    }
    let malformed = "If-Match: expected * or ETags in their quotes, separated by commas, such as \"3\", \"4\"";
    let tags = strong_tags(&list).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, malformed))?;
    let version = |tag: &&[u8]| std::str::from_utf8(tag).ok()?.parse().ok().filter(|version: &i32| version.to_string().as_bytes() == *tag);
    let versions: Vec<i32> = tags.iter().filter_map(version).collect();
    if versions.is_empty() {
        let unknown = "If-Match has no ETag that this issuer gave; read the resource again";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, unknown));
    }
    Ok(Some(versions))
}

/// Returns what stands between the quotes of the entity tags in `list`, but for the weak ones, which never match (RFC 9110 §8.8.3, §13.1.1).
/// `None` if the list is malformed. Empty elements are skipped (RFC 9110 §5.6.1.2).
fn strong_tags(list: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut tags, mut count, mut rest) = (Vec::new(), 0, list.trim_ascii());
    while !rest.is_empty() {
        if let Some(next) = rest.strip_prefix(b",") {
            rest = next.trim_ascii_start();
            continue;
        }
        let quoted = rest.strip_prefix(b"W/");
        let text = quoted.unwrap_or(rest).strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        let (tag, next) = (&text[..end], text[end + 1..].trim_ascii_start());
        let is_tag = tag.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7E | 0x80..));
        if !is_tag || !(next.is_empty() || next.starts_with(b",")) {
            return None;
        }
        if quoted.is_none() {
            tags.push(tag);
        }
        (count, rest) = (count + 1, next);
    }
    (count > 0).then_some(tags)
}

impl Access {
    /// Returns the issuer, for work that comes before a change, such as hashing.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Returns the issuer and the actor, for an answer that is read page by page after the handler has returned.
    pub fn owned(&self) -> (Arc<App>, Actor) {
        (Arc::clone(&self.app), self.actor.clone())
    }

    /// Returns the permission to call reading operations.
    pub fn reading(&self) -> Reading<'_> {
        Reading::new(&self.app, &self.actor)
    }

    /// Returns the URL of the request without its query.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs `work` in one transaction, on a version that the request expects.
    pub async fn change<'a, T>(&'a self, work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>) -> Result<T, Problem> {
        Ok(admin::change_expecting(&self.app, &self.actor, self.expected.clone(), work).await?)
    }

    /// Returns the effects of `work` on the users of `subject`. Nothing of it is kept.
    pub async fn preview<'a>(
        &'a self,
        subject: &Subject,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, ()>,
    ) -> Result<Preview, Problem> {
        self.preview_with(subject, work).await.map(|((), preview)| preview)
    }

    /// Returns the value of `work` and its effects on the users of `subject`. Nothing of it is kept.
    pub async fn preview_with<'a, T>(
        &'a self,
        subject: &Subject,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<(T, Preview), Problem> {
        Ok(preview::run(&self.app, &self.actor, subject, work).await?)
    }

    /// Refuses parameters of the query that are not in `known`.
    pub fn require_known(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.query.names().filter(|name| !known.contains(name));
        let wrong = |name| Problem::of_parameter(name, format!("this list knows the parameters {}", known.join(", ")));
        unknown.map(wrong).reduce(Problem::and).map_or(Ok(()), Err)
    }

    /// Returns the part of a list that the query asks for. Refuses parameters that are neither `after`, `limit` nor in `filters`.
    pub fn window(&self, filters: &[&str]) -> Result<Window, Problem> {
        let known = self.require_known(&[&["after", "limit"], filters].concat());
        let limit = self.query.get("limit").map_or(Some(PAGE), |limit| limit.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit)));
        let limit = limit.ok_or_else(|| Problem::of_parameter("limit", format!("expected 1 to {MAX_PAGE}")));
        let after = self.query.get("after").map(|cursor| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.contains('\0'));
            text.ok_or_else(|| Problem::of_parameter("after", "expected a cursor that a page before gave as next"))
        });
        let (((), limit), after) = Problem::of_both(Problem::of_both(known, limit), after.transpose())?;
        Ok(Window { after, limit })
    }

    /// Returns the URL of the next page, which begins after `cursor`, with the filters of this request.
    pub fn next_page(&self, cursor: &str, limit: u64) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut filters: Vec<&str> = self.query.names().filter(|name| !matches!(*name, "after" | "limit")).collect();
        filters.sort_unstable();
        for name in filters {
            query.append_pair(name, self.query.get(name).unwrap_or_default());
        }
        let query = query.append_pair("limit", &limit.to_string()).append_pair("after", cursor).finish();
        format!("{}?{query}", self.url)
    }

    /// Returns a parameter of the query that is `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.query.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::of_parameter(name, "expected true or false")),
        }
    }

    /// Returns a parameter of the query that is a UUID.
    pub fn uuid(&self, name: &str) -> Result<Option<Uuid>, Problem> {
        let value = self.query.get(name).map(Uuid::try_parse).transpose();
        value.map_err(|_| Problem::of_parameter(name, "expected a UUID, such as 5f0c6f1e-4b3e-4a3f-8f6e-2f5b8d1c9a70"))
    }

    /// Returns a parameter of the query.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name)
    }
}
