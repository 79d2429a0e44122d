//! A client authenticates in one way at a time, and whatever it sends is checked.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_client_authentication_is_the_default_clients() {
    let app = TestApp::new().await;
    let password = app.admin_password.clone();
    let answer = app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &password), ("scope", "openid admin")]).await;
    assert_eq!(answer.claims()["client_id"], "cli");
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("refresh_token", answer.str("refresh_token"))]).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let revoked = app.post("/revoke").form(&[("token", refreshed.str("refresh_token"))]).send().await;
    assert_eq!(revoked.status, 200);

    let app = TestApp::with(|settings| settings.default_client = None).await;
    let answer = app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &app.admin_password)]).await;
    assert_eq!(answer.error(), (401, "invalid_client"));
}
