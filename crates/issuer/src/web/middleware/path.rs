//! Answers requests whose path has bytes that are no UTF-8 text (RFC 3629), or the character U+0000. Nothing has such a name: no handler could
//! read the bytes, and PostgreSQL stores no text with that character.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::oauth::error::{Code, OAuthError};
use crate::web::error::page::{Link, PageError};
use crate::web::error::problem::Problem;
use crate::web::respond::nothing_here;

/// Returns the answer to a request whose path cannot be read, in the form in which its part of the issuer answers that there is no such thing.
/// `None` if the path can be read.
pub(super) fn unreadable(app: &App, request: &Request) -> Option<Response> {
    let path = request.uri().path();
    if percent_decode_str(path).decode_utf8().is_ok_and(|path| !path.contains('\0')) {
        return None;
    }
    let below = path.strip_prefix(app.settings.issuer.path()).unwrap_or(path);
    let part = below.split('/').nth(1).unwrap_or_default();
    Some(match part {
        "api" => Problem::new(StatusCode::NOT_FOUND, "there is nothing of this name").into_response(),
        // Its handlers answer by themselves that such a client has no token (RFC 7592 §2.1).
        "register" => return None,
        "ssf" => OAuthError::new(Code::NotFound, "there is nothing of this name").into_response(),
        "admin" => {
            let links = vec![Link::Own("/admin".to_owned(), "Go to the administration".to_owned())];
            PageError { links, ..PageError::not_found() }.into_response()
        }
        _ => nothing_here(request.headers()),
    })
}
