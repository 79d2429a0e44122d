//! A resource may ask for access tokens of the type `JWT`. No other token of the issuer can be taken for one.

use proptest::prelude::*;
use serde_json::json;
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::new_client::{ClientDraft, NewClient, Rules};
use signet_issuer::admin::resources::{NewResource, ResourceDraft};
use signet_issuer::keys::signer::TokenType;
use signet_issuer::oauth::access_token_typ::AccessTokenTyp;
use signet_verifier::Refusal;

use crate::support::{ORDERS, TestApp, claims, header};
use crate::tokens::verify;

async fn plain() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let plain = ResourcePatch { access_token_typ: Some(AccessTokenTyp::Jwt), ..Default::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, plain))).await.unwrap();
    app.add_client("service", false, "client_credentials", &["orders:read"]).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resource_decides_and_our_endpoints_take_both() {
    let app = plain().await;
    let both = app.sign_in("alice", "openid orders:read").await;
    assert_eq!(header(both.str("access_token"))["typ"], "JWT");
    let own = app.sign_in("alice", "openid").await;
    assert_eq!(header(own.str("access_token"))["typ"], "at+jwt", "built-in resources keep their type");
    let machine = app.client_token("service", "orders:read").await;
    assert_eq!(header(machine.str("access_token"))["typ"], "JWT");
    for token in [&both, &own] {
        assert_eq!(app.get("/userinfo").bearer(token.str("access_token")).send().await.status, 200);
    }
    for token in [&both, &machine] {
        assert_eq!(app.introspect("service", token.str("access_token")).await.json["active"], true);
    }
    let revoke = [("token", both.str("access_token")), ("client_id", "shop")];
    assert_eq!(app.post("/revoke").form(&revoke).send().await.status, 200);
    assert_eq!(app.introspect("service", both.str("access_token")).await.json["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_token_of_the_issuer_is_taken_for_an_access_token() {
    let app = plain().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let (access, id_token) = (tokens.str("access_token"), tokens.str("id_token"));
    assert_eq!((&header(access)["typ"], &header(id_token)["typ"]), (&json!("JWT"), &json!("JWT")));
    assert_eq!(app.get("/userinfo").bearer(id_token).send().await.error(), (401, "invalid_token"));
    assert_eq!(app.introspect("service", id_token).await.json["active"], false);
    // Nor is an access token taken for an ID token.
    let hinted = browser.get(&app.authorize(&[("id_token_hint", access), ("prompt", "none")])).await;
    assert_eq!(hinted.reply()["error"], "invalid_request");
    // The issuer's own key signs whatever such a token could look like.
    let ring = app.app.ring().await.unwrap();
    let signer = ring.signer(app.app.now()).unwrap();
    let good = claims(access);
    let asked = async |typ, change: &dyn Fn(&mut serde_json::Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        let token = signer.sign(typ, &claims).unwrap();
        app.introspect("service", &token).await.json["active"] == true
    };
    assert!(asked(TokenType::Jwt, &|_| {}).await && asked(TokenType::Access, &|_| {}).await);
    for claim in ["nonce", "at_hash", "c_hash", "events"] {
        assert!(!asked(TokenType::Jwt, &|claims| claims[claim] = json!("x")).await, "{claim}");
    }
    for claim in ["client_id", "jti", "scope"] {
        assert!(!asked(TokenType::Jwt, &|claims| drop(claims.as_object_mut().unwrap().remove(claim))).await, "{claim}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verifier_crate_takes_the_type_only_where_it_is_told_to() {
    let app = plain().await;
    let token = app.sign_in("alice", "orders:read").await.str("access_token").to_owned();
    assert_eq!(verify(&app, ORDERS, false, &token).await.unwrap_err(), Refusal::Type);
    assert_eq!(verify(&app, ORDERS, true, &token).await.unwrap().client_id, "shop");
    let web = app.code_flow(&app.signed_in("alice").await, &[]).await;
    let id_token = verify(&app, "web", true, web.str("id_token")).await;
    assert!(matches!(id_token.unwrap_err(), Refusal::OtherToken(_)));
}

/// Returns whether `text` can be the id of a client, and whether it can be the identifier of a resource.
fn kinds(text: &str) -> (bool, bool) {
    let client = ClientDraft { client_id: Some(text.to_owned()), client_name: "X".to_owned(), ..ClientDraft::default() };
    let resource = ResourceDraft { identifier: text.to_owned(), name: "X".to_owned(), ..ResourceDraft::default() };
    let rules = Rules { self_registered: false, private_addresses: false, needs_group: true };
    (NewClient::check(client, rules).is_ok(), NewResource::check(resource).is_ok())
}

#[test]
fn no_client_id_equals_a_resource() {
    for text in ["orders", "a.b~c_d-e", "https://orders.example", "urn:example:orders", "a.b:c", "api://orders"] {
        let (client, resource) = kinds(text);
        assert_ne!(client, resource, "{text}");
    }
    for neither in ["urn:orders", "a:", "x-y:z", "localhost:8080", "orders:8080"] {
        assert_eq!(kinds(neither), (false, false), "{neither}");
    }
    proptest!(|(text in "[a-zA-Z0-9:/._~?-]{1,40}")| {
        let (client, resource) = kinds(&text);
        prop_assert!(!(client && resource), "{}", text);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_the_random_id_of_a_client() {
    let app = TestApp::with(|settings| settings.open_registration = true).await;
    for _ in 0..20 {
        let metadata = json!({ "redirect_uris": ["https://new.example/cb"] });
        let made = app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap();
        let made: serde_json::Value = made.json().await.unwrap();
        assert_eq!(kinds(made["client_id"].as_str().unwrap()), (true, false), "{made}");
    }
}
