//! Which sites' scripts may call what (CORS). Nothing here takes cookies, so none are ever allowed along.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::app::App;
use crate::store::clients;

/// For what is public anyway: scripts of any site.
pub fn public() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods([Method::GET])
}

/// For what clients call: scripts of the origins that enabled clients registered, compared exactly.
pub fn of_clients(app: &Arc<App>) -> CorsLayer {
    let app = Arc::clone(app);
    let registered = AllowOrigin::async_predicate(move |origin: HeaderValue, _: &Parts| {
        let (app, origin) = (Arc::clone(&app), origin.to_str().unwrap_or_default().to_owned());
        async move {
            // Who cannot ask the database allows nobody.
            clients::is_origin(app.store.reader(), &origin).await.unwrap_or(false)
        }
    });
    CorsLayer::new()
        .allow_origin(registered)
        .allow_methods([Method::GET, Method::POST])
        // The last is what Swagger UI's Authorize button sends.
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("x-requested-with")])
        .expose_headers([header::WWW_AUTHENTICATE])
}
