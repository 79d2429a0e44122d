//! Claims about the user are given by scope or one by one, within the scopes that the client may ask for.

use serde_json::json;
use signet_issuer::admin::users;

use crate::interaction::app;
use crate::support::{CALLBACK, claims};

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_given_by_scope_and_one_by_one() {
    let app = app().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let values = [("nickname", "Al"), ("phone_number", "+49 30 901820"), ("locality", "Berlin"), ("country", "Germany")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    app.operate(|change| Box::pin(users::set_claims(change, alice, &values))).await.unwrap();
    let browser = app.signed_in("alice").await;
    let asked = r#"{"userinfo":{"nickname":{"essential":true},"email":null},"id_token":{"phone_number":null,"auth_time":{"essential":true},"unknown":null}}"#;
    let tokens = app.code_flow(&browser, &[("scope", "openid"), ("claims", asked)]).await;
    assert_eq!(claims(tokens.str("id_token"))["phone_number"], "+49 30 901820");
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await;
    let sub = claims(tokens.str("id_token"))["sub"].clone();
    assert_eq!(userinfo.json, json!({ "sub": sub, "nickname": "Al", "email": "alice@example.com" }));
    let all = app.code_flow(&browser, &[("scope", "openid profile email address phone"), ("prompt", "consent")]).await;
    let userinfo = app.post("/userinfo").bearer(all.str("access_token")).send().await;
    let expected = json!({
        "sub": sub, "name": "alice Example", "preferred_username": "alice", "nickname": "Al", "updated_at": crate::support::START,
        "email": "alice@example.com", "email_verified": true, "phone_number": "+49 30 901820", "phone_number_verified": false,
        "address": { "locality": "Berlin", "country": "Germany", "formatted": "Berlin\nGermany" },
    });
    assert_eq!(userinfo.json, expected);
    // A claim that the client may not ask for by scope is not given when it asks for the claim itself.
    app.add_client_with("narrow", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    let code = browser.code(&app.authorize(&[("client_id", "narrow"), ("scope", "openid"), ("claims", asked)])).await;
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", crate::support::VERIFIER)];
    let tokens = app.post("/token").basic_auth("narrow", crate::support::SECRET).form(&form).send().await;
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json, json!({ "sub": sub }));
}
