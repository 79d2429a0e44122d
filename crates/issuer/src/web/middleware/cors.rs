//! Cross-origin requests (CORS): the sites whose scripts may call an endpoint. These endpoints read no cookies, so scripts are never
//! allowed to send any.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::app::App;
use crate::store::clients;

/// Allows scripts of any site, for documents that are public anyway. Scripts may send any header, because clients in browsers announce the
/// version of their protocol in one.
pub fn public() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods([Method::GET]).allow_headers(AllowHeaders::mirror_request())
}

/// Allows scripts of any site to register a client, and to read and delete the registration. Nobody knows the site of a client before it
/// has registered, and whoever may register needs no browser for it.
pub fn registration() -> CorsLayer {
    let methods = [Method::GET, Method::POST, Method::DELETE];
    let any = CorsLayer::new().allow_origin(Any).allow_methods(methods).allow_headers(AllowHeaders::mirror_request());
    any.expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
}

/// Allows scripts of the origins that enabled clients registered, for the endpoints that clients call. Origins are compared exactly.
pub fn of_clients(app: &Arc<App>) -> CorsLayer {
    registered(app)
        .allow_methods([Method::GET, Method::POST])
        // Swagger UI's Authorize button sends `X-Requested-With`.
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-requested-with")])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER])
}

/// Allows the same scripts to administer the issuer with a token.
pub fn of_administrators(app: &Arc<App>) -> CorsLayer {
    registered(app)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH])
        .expose_headers([header::WWW_AUTHENTICATE, header::RETRY_AFTER, header::ETAG, header::LINK, header::LOCATION])
}

fn registered(app: &Arc<App>) -> CorsLayer {
    let app = Arc::clone(app);
    let registered = AllowOrigin::async_predicate(move |origin: HeaderValue, _: &Parts| {
        let (app, origin) = (Arc::clone(&app), origin.to_str().unwrap_or_default().to_owned());
        async move {
            // If the database does not answer, no origin is allowed.
            clients::is_origin(app.store.reader(), &origin).await.unwrap_or(false)
        }
    });
    CorsLayer::new().allow_origin(registered)
}
