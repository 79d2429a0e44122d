//! A trial shows the tokens that would be issued, with their real lengths, and also those that would be refused because they are too long.

use serde_json::{Value, json};
use signet_issuer::admin::client_claims;
use signet_issuer::admin::trial::{self, Trial, TrialRequest, TriedPlace};

use crate::interaction::app;
use crate::support::{TestApp, claims};

async fn put(app: &TestApp, claim: &str, value: Value, in_id_token: bool) {
    let claim = json!({
        "claim": claim, "source": "fixed", "value": value, "shape": "first", "in_id_token": in_id_token, "in_userinfo": true,
    });
    let claim = serde_json::from_value(claim).unwrap();
    app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await.unwrap();
}

async fn tried(app: &TestApp, client: &str, scope: &str) -> Trial {
    let request =
        TrialRequest { client_id: client.to_owned(), username: "alice".to_owned(), scope: Some(scope.to_owned()), resource: None };
    trial::run(&app.reading(), &request).await.unwrap()
}

fn place<'t>(trial: &'t Trial, name: &str) -> &'t TriedPlace {
    trial.places.iter().find(|place| place.place == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lengths_are_those_of_the_real_tokens() {
    let app = app().await;
    put(&app, "plan", json!("gold"), true).await;
    let browser = app.signed_in("alice").await;
    let scope = "openid email orders:read";
    let tokens = app.code_flow(&browser, &[("scope", scope)]).await;
    let trial = tried(&app, "web", scope).await;
    let access = place(&trial, "access token");
    assert_eq!((access.token_bytes, access.bytes), (Some(tokens.str("access_token").len()), tokens.claims().to_string().len()));
    let mut id = claims(tokens.str("id_token"));
    // The client chooses how long its nonce is.
    id.as_object_mut().unwrap().remove("nonce");
    let told = place(&trial, "ID token");
    assert_eq!((told.bytes, told.user_bytes), (id.to_string().len(), r#"{"plan":"gold"}"#.len()), "{id} {told:?}");
    assert_eq!((told.refused.as_ref(), access.refused.as_ref(), trial.may_sign_in), (None, None, true));
    // A client without a browser has no session to be told of.
    let tokens = app.sign_in("alice", scope).await;
    let trial = tried(&app, "shop", scope).await;
    let lengths = ["access token", "ID token"].map(|name| place(&trial, name).token_bytes);
    assert_eq!(lengths, ["access_token", "id_token"].map(|name| Some(tokens.str(name).len())));
    assert_eq!(place(&trial, "UserInfo").token_bytes, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_too_long_is_shown_with_its_length_and_the_reason() {
    let app = app().await;
    app.add_user("boss", &["admin"]).await;
    for number in 0..7 {
        put(&app, &format!("long{number}"), json!("x".repeat(1000)), true).await;
    }
    let trial = tried(&app, "web", "openid orders:read").await;
    let id = place(&trial, "ID token");
    let reason = id.refused.clone().unwrap();
    assert!(reason.starts_with(&format!("the claims about this user in the ID token are {} bytes long", id.user_bytes)), "{reason}");
    assert!(id.user_bytes > 7000 && id.bytes > id.user_bytes && id.token_bytes.unwrap() > 10_000, "{id:?}");
    assert!(id.claims.iter().any(|claim| claim.claim == "long6" && claim.value.is_some()));
    assert_eq!((place(&trial, "access token").refused.as_ref(), place(&trial, "UserInfo").refused.as_ref()), (None, None));
    assert!(!trial.may_sign_in && trial.obstacles[0].contains("No tokens are issued: the claims about this user"), "{:?}", trial.obstacles);
    // The token endpoint says the same.
    let browser = app.signed_in("alice").await;
    let answer = browser.get(&app.authorize(&[("scope", "openid orders:read"), ("prompt", "none")])).await.reply();
    assert_eq!(answer["error"], "access_denied", "{answer:?}");
    let admin = app.signed_in("boss").await;
    let page = admin.get("/admin/clients/web/try?user=alice&scope=openid").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("This token would not be issued: the claims about this user in the ID token are"), "{}", page.text);
    assert!(page.text.contains("could not sign in") && page.text.contains("long6"), "{}", page.text);
    assert!(page.text.contains("The token has ") && page.text.contains("the issuer; this value is an example"), "{}", page.text);
    let token = app.token_of("boss", "admin").await;
    let body = json!({ "username": "alice", "scope": "openid" });
    let answer = app.call("POST", "/clients/web/try", &token, None, Some(body)).await;
    assert_eq!((answer.status, &answer.json["may_sign_in"]), (200, &json!(false)), "{}", answer.text);
    assert_eq!(answer.json["places"][0]["refused"], json!(reason));
    // Claims that only UserInfo returns have no such limit.
    for number in 0..7 {
        put(&app, &format!("long{number}"), json!("x".repeat(1000)), false).await;
    }
    let trial = tried(&app, "web", "openid orders:read").await;
    assert!(trial.may_sign_in && place(&trial, "UserInfo").user_bytes > 7000, "{trial:?}");
}
