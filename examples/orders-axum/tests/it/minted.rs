//! Tests with tokens that the test mints. Each case is one line. Only the issuer is replaced; the service and its verifier are
//! the real ones.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use orders_axum::{OrdersRead, OrdersWrite, app};
use signet_testkit::{TestIssuer, TokenBuilder};
use tower::ServiceExt;

async fn status(issuer: &TestIssuer, method: &str, path: &str, token: TokenBuilder<'_>) -> StatusCode {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", token.mint()));
    let request = request.header("content-type", "application/json").body(Body::from(r#"{"item":"tea"}"#)).unwrap();
    app(issuer.verifier()).oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn each_route_asks_for_its_scope() {
    let issuer = TestIssuer::new();
    let token = || issuer.token();
    assert_eq!(status(&issuer, "GET", "/orders", token().scope::<OrdersRead>()).await, StatusCode::OK);
    assert_eq!(status(&issuer, "GET", "/orders", token().scope::<OrdersWrite>()).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&issuer, "POST", "/orders", token().scope::<OrdersWrite>()).await, StatusCode::CREATED);
    assert_eq!(status(&issuer, "POST", "/orders", token().scope::<OrdersRead>()).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&issuer, "GET", "/me", token()).await, StatusCode::OK);
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let issuer = TestIssuer::new();
    let token = || issuer.token().scope::<OrdersRead>();
    for token in [
        token().audience("https://other.example"),
        token().expired(),
        token().tampered(),
        token().unsigned(),
        token().signed_with_public_key(),
        token().id_token(),
        token().foreign_issuer(),
    ] {
        assert_eq!(status(&issuer, "GET", "/orders", token).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_is_no_refusal() {
    let issuer = TestIssuer::new();
    issuer.outage(true);
    assert_eq!(status(&issuer, "GET", "/orders", issuer.token().scope::<OrdersRead>()).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_revoked_token_is_refused() {
    let issuer = TestIssuer::new();
    issuer.revoke("ended");
    let token = |grant_id: &str| issuer.token().claim("grant_id", grant_id).scope::<OrdersRead>();
    assert_eq!(status(&issuer, "GET", "/orders", token("ended")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&issuer, "GET", "/orders", token("alive")).await, StatusCode::OK);
}
