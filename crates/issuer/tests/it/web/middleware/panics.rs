//! A handler that panics ends its own request alone.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use signet_issuer::web::middleware::around;
use tower::ServiceExt;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_answered_with_500_and_the_security_headers() {
    let app = TestApp::new().await;
    let fails = get(|| async { std::hint::black_box(None::<&str>).unwrap() });
    let router = Router::new().route("/", fails).layer(from_fn_with_state(Arc::clone(&app.app), around));
    for _ in 0..2 {
        let request = Request::get("/").header("host", "id.example").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}
