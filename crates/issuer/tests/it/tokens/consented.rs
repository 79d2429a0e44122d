//! The consent of a user names the claims that were shown. What a client or a resource would be told beside these waits until the user was asked.

use serde_json::{Value, json};
use signet_issuer::admin::attributes::{self, AttributePatch};
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::patch::Patch;
use signet_issuer::oauth::token_claim::TokenClaim;

use crate::support::{Answer, ORDERS, SECRET, TestApp, claims};

/// Returns an issuer with alice, who has an attribute and is in a group, the client `web`, and a token of an administrator.
async fn furnished() -> (TestApp, String) {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let token = app.token_of("boss", "admin").await;
    let declared = app.call("POST", "/attributes", &token, None, Some(json!({ "name": "desk", "type": "string" }))).await;
    assert_eq!(declared.status, 201, "{}", declared.text);
    let alice = app.call("GET", "/users?q=alice", &token, None, None).await.json["items"][0]["id"].as_str().unwrap().to_owned();
    let set = json!({ "attributes": { "desk": "A7" } });
    assert_eq!(app.call("PATCH", &format!("/users/{alice}"), &token, Some("*"), Some(set)).await.status, 200);
    app.operate(|change| {
        Box::pin(async move {
            groups::add(change, GroupDraft { name: "staff".to_owned(), ..GroupDraft::default() }).await?;
            groups::change_members(change, "staff", &["alice".to_owned()], &[]).await
        })
    })
    .await
    .unwrap();
    (app, token)
}

async fn refresh(app: &TestApp, tokens: &Answer, more: &[(&str, &str)]) -> Answer {
    let form = [&[("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))], more].concat();
    let answer = app.post("/token").basic_auth("web", SECRET).form(&form).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

async fn userinfo(app: &TestApp, tokens: &Answer) -> Value {
    app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json
}

/// Lets the access tokens of the resource tell the groups.
async fn tell_groups(app: &TestApp, identifier: &'static str) {
    let patch = ResourcePatch { token_claims: Some(vec![TokenClaim::Groups]), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, identifier, patch))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_that_a_scope_releases_later_is_told_once_the_user_was_asked() {
    let (app, token) = furnished().await;
    app.sql("UPDATE clients SET id_token_claims = TRUE WHERE id = 'web'").await;
    let browser = app.signed_in("alice").await;
    let wanted = [("scope", "openid profile")];
    let tokens = app.code_flow(&browser, &wanted).await;
    let patch = AttributePatch { scope: Patch::Set("profile".to_owned()), ..AttributePatch::default() };
    app.operate(|change| Box::pin(attributes::edit(change, "desk", patch, None))).await.unwrap();
    let refreshed = refresh(&app, &tokens, &[]).await;
    let (told, in_id_token) = (userinfo(&app, &refreshed).await, claims(refreshed.str("id_token")));
    assert_eq!((told.get("desk"), in_id_token.get("desk")), (None, None));
    assert_eq!((&told["preferred_username"], &in_id_token["preferred_username"]), (&json!("alice"), &json!("alice")));
    // Try it says why.
    let tried = app.call("POST", "/clients/web/try", &token, None, Some(json!({ "username": "alice", "scope": "openid profile" }))).await;
    let missing = tried.json["places"].as_array().unwrap().iter().flat_map(|place| place["claims"].as_array().unwrap());
    let reasons: Vec<&Value> = missing.filter(|claim| claim["claim"] == "desk").map(|claim| &claim["missing"]).collect();
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| reason.as_str().unwrap().contains("allowed the client less")), "{tried:?}");
    // The user is asked again, and from then on it is told.
    let asked = browser.get(&app.authorize(&wanted)).await;
    assert!(asked.text.contains("action=\"/consent\"") && asked.text.contains("A7"), "{}", asked.text);
    let tokens = app.code_flow(&browser, &wanted).await;
    assert_eq!((&userinfo(&app, &tokens).await["desk"], &claims(tokens.str("id_token"))["desk"]), (&json!("A7"), &json!("A7")));
    assert_eq!(claims(refresh(&app, &tokens, &[]).await.str("id_token"))["desk"], "A7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_a_resource_adds_later_is_told_once_the_user_was_asked() {
    let (app, _) = furnished().await;
    let browser = app.signed_in("alice").await;
    let wanted = [("scope", "openid orders:read")];
    let tokens = app.code_flow(&browser, &wanted).await;
    tell_groups(&app, ORDERS).await;
    let refreshed = refresh(&app, &tokens, &[]).await;
    assert_eq!(claims(refreshed.str("access_token")).get("groups"), None);
    let asked = browser.get(&app.authorize(&wanted)).await;
    assert!(asked.text.contains("action=\"/consent\"") && asked.text.contains("staff"), "{}", asked.text);
    let tokens = app.code_flow(&browser, &wanted).await;
    assert_eq!(claims(tokens.str("access_token"))["groups"], json!(["staff"]));
    assert_eq!(claims(refresh(&app, &tokens, &[]).await.str("access_token"))["groups"], json!(["staff"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_two_resources_is_allowed_the_claims_of_both_at_once() {
    let (app, token) = furnished().await;
    let stock = json!({ "identifier": "https://stock.example", "name": "Stock", "scopes": [{ "name": "stock:read" }] });
    assert_eq!(app.call("POST", "/resources", &token, None, Some(stock)).await.status, 201);
    let scopes = json!({ "add": ["stock:read"] });
    assert_eq!(app.call("POST", "/roles/clerk/scopes", &token, None, Some(scopes)).await.status, 200);
    let scope = app.call("GET", "/clients/web", &token, None, None).await.str("scope").to_owned() + " stock:read";
    let edited = app.call("PATCH", "/clients/web", &token, Some("*"), Some(json!({ "scope": scope }))).await;
    assert_eq!(edited.status, 200, "{}", edited.text);
    tell_groups(&app, "https://stock.example").await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read stock:read")]).await;
    assert_eq!(claims(tokens.str("access_token")).get("groups"), None, "the default resource tells no groups");
    let of_stock = refresh(&app, &tokens, &[("resource", "https://stock.example")]).await;
    assert_eq!(claims(of_stock.str("access_token"))["groups"], json!(["staff"]));
}
