//! The consent page names no host where the answer goes to an app on the device.

use signet_issuer::oauth::application_type::ApplicationType;

use crate::interaction::app;

#[tokio::test(flavor = "multi_thread")]
async fn no_host_is_named_for_a_private_scheme() {
    let app = app().await;
    let uri = "com.evil.app://accounts.bank.example/cb";
    app.add_client_with("native", true, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![uri.into()];
        client.metadata.application_type = Some(ApplicationType::Native);
    })
    .await;
    let page =
        app.signed_in("alice").await.get(&app.authorize(&[("client_id", "native"), ("redirect_uri", uri), ("scope", "openid")])).await;
    assert!(page.text.contains("an app on this device (com.evil.app)") && !page.text.contains("bank.example"), "{}", page.text);
}
