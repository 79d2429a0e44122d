//! The files that pages load, all from this server: the style sheet, the icon and the logos of clients.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::store::client_logos;
use crate::web::error::page::PageError;

const ICON: &str = include_str!("../../../../templates/static/icon.svg");
const STYLE: &str = include_str!("../../../../templates/static/style.css");

/// `GET /static/icon.svg`: the icon that browsers show for every page.
pub async fn icon() -> Response {
    file("image/svg+xml", ICON)
}

fn file(media_type: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=3600")], content).into_response()
}

/// `GET /static/style.css`: the style sheet of every page.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

/// `GET /clients/{id}/logo`: the logo of a client, from the copy that was stored when the client was registered.
pub async fn logo(State(app): State<Arc<App>>, id: Result<Path<String>, PathRejection>) -> Result<Response, PageError> {
    let Path(id) = id.map_err(|_| PageError::not_found())?;
    let (media_type, image) = client_logos::find(app.store.reader(), &id).await?.ok_or_else(PageError::not_found)?;
    Ok(([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=3600".to_owned())], image).into_response())
}
