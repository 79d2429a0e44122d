//! Cross-origin requests (CORS): the sites whose scripts may call an endpoint. These endpoints read no cookies, so scripts are never
//! allowed to send any.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::app::App;
use crate::store::clients;

/// Allows scripts of any site, for documents that are public anyway.
pub fn public() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods([Method::GET])
}

/// Allows scripts of the origins that enabled clients registered, for the endpoints that clients call. Origins are compared exactly.
pub fn of_clients(app: &Arc<App>) -> CorsLayer {
    let app = Arc::clone(app);
    let registered = AllowOrigin::async_predicate(move |origin: HeaderValue, _: &Parts| {
        let (app, origin) = (Arc::clone(&app), origin.to_str().unwrap_or_default().to_owned());
        async move {
            // If the database does not answer, no origin is allowed.
            clients::is_origin(app.store.reader(), &origin).await.unwrap_or(false)
        }
    });
    CorsLayer::new()
        .allow_origin(registered)
        .allow_methods([Method::GET, Method::POST])
        // Swagger UI's Authorize button sends `X-Requested-With`.
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-requested-with")])
        .expose_headers([header::WWW_AUTHENTICATE])
}
