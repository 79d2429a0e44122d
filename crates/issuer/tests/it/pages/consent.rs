//! The consent page names no host where the answer goes to an app on the device, and nothing that the client would not get.

use serde_json::{Value, json};
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::oauth::application_type::ApplicationType;

use crate::interaction::app;
use crate::support::{Answer, CALLBACK, TestApp, VERIFIER};

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

/// Registers a client with `scope`, as anybody can, and returns its id and secret.
async fn registered(app: &TestApp, scope: &str) -> (String, String) {
    let metadata = json!({ "redirect_uris": [CALLBACK], "client_name": "Reg", "scope": scope });
    let made = Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    (made.str("client_id").to_owned(), made.str("client_secret").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_roles_are_asked_for_once_a_client_that_registered_itself_may_be_told_of_them() {
    let app = TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_user("alice").await;
    let (id, secret) = registered(&app, "openid email groups roles").await;
    let browser = app.signed_in("alice").await;
    let asked = r#"{"userinfo":{"groups":null,"roles":null}}"#;
    let request = app.authorize(&[("client_id", &id), ("scope", "openid email groups roles"), ("claims", asked)]);
    let redeem = async |code: &str| {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        let tokens = app.post("/token").basic_auth(&id, &secret).form(&form).send().await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        tokens
    };
    let told = async |tokens: &Answer| {
        let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
        [userinfo["email"].clone(), userinfo["groups"].clone(), userinfo["roles"].clone()]
    };
    let without = [json!("alice@example.com"), Value::Null, Value::Null];

    let page = browser.get(&request).await;
    assert!(page.text.contains("If you allow it, Reg can:") && page.text.contains("See your email address"), "{}", page.text);
    for withheld in ["See the groups", "See your roles", "<dt>Groups<", "<dt>Roles<"] {
        assert!(!page.text.contains(withheld), "{withheld}: {}", page.text);
    }
    let first = redeem(&browser.consent(&page).await.reply()["code"]).await;
    assert_eq!((first.str("scope"), told(&first).await), ("email openid", without.clone()));
    // The person is not asked again for the scopes that they have allowed, as long as nothing changes.
    assert!(browser.get(&request).await.reply().contains_key("code"));

    let patch = || ClientPatch { claims_allowed: Patch::Set(true), ..ClientPatch::default() };
    app.edit_client(&id, patch()).await.unwrap();
    assert_eq!(told(&first).await, without, "alice has not been asked for more yet");
    let page = browser.get(&request).await;
    for named in ["See the groups that you are in", "See your roles", "<dt>Groups<", "<dt>Roles</dt><dd>clerk<"] {
        assert!(page.text.contains(named), "{named}: {}", page.text);
    }
    let second = redeem(&browser.consent(&page).await.reply()["code"]).await;
    assert_eq!(second.str("scope"), "email groups openid roles");
    assert_eq!(told(&second).await, [json!("alice@example.com"), json!([]), json!(["clerk"])]);
    assert!(browser.get(&request).await.reply().contains_key("code"));

    // A request for nothing else is refused with the reason.
    let (id, _) = registered(&app, "groups roles").await;
    let request = app.authorize(&[("client_id", &id), ("scope", "groups roles")]);
    let refused = browser.get(&request).await.reply();
    assert_eq!(refused["error"], "invalid_scope", "{refused:?}");
    assert!(refused["error_description"].contains("no administrator has allowed it to be told of groups and roles"), "{refused:?}");
    app.edit_client(&id, patch()).await.unwrap();
    let page = browser.get(&request).await;
    assert!(page.text.contains("See your roles"), "{}", page.text);
}
