//! An ID token remains a valid hint when its key has left the JWKS, but not when the key was revoked.

use crate::interaction::app;

#[tokio::test(flavor = "multi_thread")]
async fn hints_outlive_their_keys_but_not_a_revocation() {
    let app = app().await;
    let tokens = app.code_flow(&app.signed_in("alice").await, &[]).await;
    let hint = tokens.str("id_token");
    let kid = crate::support::header(hint)["kid"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        app.advance(12 * 3600);
        app.app.rotation().maintain().await.unwrap();
    }
    let jwks = app.get("/.well-known/jwks.json").send().await;
    assert!(!jwks.text.contains(&kid), "it is out of the JWKS");
    let silent = app.authorize(&[("prompt", "none"), ("id_token_hint", hint)]);
    assert!(app.signed_in("alice").await.get(&silent).await.reply().contains_key("code"));
    assert!(crate::keys::revoke(&app.app, &kid).await);
    app.advance(10);
    assert_eq!(app.signed_in("alice").await.get(&silent).await.reply()["error"], "invalid_request");
}
