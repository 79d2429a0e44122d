//! A resource that is open, as an MCP server is, can be used by any client that acts for a user, and by no client that acts for itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signet_issuer::admin::clients;
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::resources;

use crate::support::{Answer, PASSWORD, SECRET, TestApp, VERIFIER};

const MCP: &str = "https://mcp.example/mcp";
const CALLBACK: &str = "http://127.0.0.1/cb";

async fn app(default: Option<&str>) -> TestApp {
    let default = default.map(str::to_owned);
    let app = TestApp::with(|settings| {
        settings.open_registration = true;
        settings.registration_default_resource = default;
    });
    let app = app.await.with_orders().await.with_user("alice").await;
    app.add_resource(MCP, &["mcp:tools", "mcp:admin"], None).await;
    app.change_clerk(&["mcp:tools"], &[]).await;
    app
}

async fn open(app: &TestApp, open: bool) {
    app.operate(|change| Box::pin(edit_resource::edit(change, MCP, ResourcePatch { open: Some(open), ..Default::default() })))
        .await
        .unwrap();
}

async fn register(app: &TestApp, more: &Value) -> Answer {
    let mut metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await
}

/// Signs alice in at the client `id`; returns the token answer, or the answer that carries the error.
async fn sign_in(app: &TestApp, id: &str, more: &[(&str, &str)]) -> Answer {
    let browser = app.signed_in("alice").await;
    let request = [&[("client_id", id), ("redirect_uri", CALLBACK)], more].concat();
    let mut answer = browser.get(&app.authorize(&request)).await;
    if answer.text.contains("action=\"/consent\"") {
        answer = browser.consent(&answer).await;
    }
    let Some(code) = answer.reply().get("code").cloned() else { return answer };
    let form = [("grant_type", "authorization_code"), ("client_id", id), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    app.token(&[&form[..], &[("code", &code)]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn any_client_gets_tokens_for_an_open_resource() {
    let app = app(None).await;
    let id = register(&app, &json!({})).await.str("client_id").to_owned();
    let ask = [("scope", "openid mcp:tools mcp:admin"), ("resource", MCP)];
    let closed = sign_in(&app, &id, &ask).await.reply();
    assert_eq!(closed["error"], "invalid_target");
    assert!(closed["error_description"].contains("may ask for no scope of it"), "{closed:?}");

    open(&app, true).await;
    let tokens = sign_in(&app, &id, &ask).await;
    // The person's roles decide as ever.
    assert_eq!((&tokens.claims()["aud"][0], tokens.str("scope")), (&json!(MCP), "mcp:tools openid"));
    let all = sign_in(&app, &id, &[("scope", ""), ("resource", MCP)]).await;
    assert_eq!(all.str("scope"), "mcp:tools", "no scope means all scopes of the resource");
    let without_scope = sign_in(&app, &id, &[("scope", "openid"), ("resource", MCP)]).await.reply();
    assert_eq!(without_scope["error"], "invalid_target");
    assert!(without_scope["error_description"].contains("no scope of https://mcp.example/mcp was granted"), "{without_scope:?}");

    // Clients of the password grant act for a person too, and a refresh follows the resource.
    let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", PASSWORD)];
    let by_password = app.token(&[&form[..], &[("scope", "mcp:tools"), ("resource", MCP)]].concat()).await;
    assert_eq!(by_password.str("scope"), "mcp:tools");
    let refresh = by_password.str("refresh_token");
    let refreshed = app.refresh(refresh).await;
    assert_eq!(refreshed.claims()["aud"], MCP, "not the default resource of shop");
    let again =
        [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", refreshed.str("refresh_token")), ("resource", MCP)];
    assert_eq!(app.token(&again).await.status, 200);
    open(&app, false).await;
    assert_eq!(app.token(&again).await.status, 400, "closing it takes effect at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_acts_for_itself_gains_nothing() {
    let app = app(None).await;
    app.add_client("machine", false, "client_credentials", &["orders:read"]).await;
    open(&app, true).await;
    for (scope, resource) in [("mcp:tools", ""), ("mcp:tools", MCP), ("", MCP), ("orders:read mcp:tools", MCP)] {
        let form = [("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)];
        let answer = app.post("/token").basic_auth("machine", SECRET).form(&form).send().await;
        assert_eq!(answer.status, 400, "{scope} {resource}: {}", answer.text);
    }
    let own = app.client_token("machine", "orders:read mcp:tools").await;
    assert_eq!(own.str("scope"), "orders:read");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_register_themselves_get_the_default_resource_of_the_settings() {
    let app = app(Some("https://mcp.example/mcp")).await;
    let made = register(&app, &json!({})).await;
    assert!(made.str("scope").contains("mcp:tools") && made.str("scope").contains("openid"), "{}", made.text);
    let tokens = sign_in(&app, made.str("client_id"), &[("scope", "mcp:tools")]).await;
    assert_eq!(tokens.claims()["aud"], MCP, "without a resource in the request");
    let named = register(&app, &json!({ "scope": "openid orders:read admin" })).await;
    assert_eq!(named.str("scope"), "openid orders:read");
    let default_of = async |made: &Answer| clients::show(&app.reading(), made.str("client_id")).await.unwrap().default_resource;
    assert_eq!(default_of(&made).await.as_deref(), Some(MCP));
    assert_eq!(default_of(&named).await, None, "a client without a scope of the resource could get no token for it");
    for unsupported in ["claudeai", "admin", "admin:read nonsense"] {
        let reduced = register(&app, &json!({ "scope": unsupported })).await;
        let scopes: BTreeSet<&str> = reduced.str("scope").split(' ').collect();
        assert_eq!(scopes, ["mcp:admin", "mcp:tools", "openid"].into(), "{unsupported}: no data of the person unasked");
        assert_eq!(default_of(&reduced).await.as_deref(), Some(MCP), "{unsupported}");
    }
    open(&app, true).await;
    let of_open = register(&app, &json!({ "scope": "openid" })).await;
    assert_eq!(default_of(&of_open).await.as_deref(), Some(MCP), "any client may use the scopes of an open resource");
    let tokens = sign_in(&app, of_open.str("client_id"), &[("scope", "mcp:tools")]).await;
    assert_eq!(tokens.claims()["aud"], MCP);
    open(&app, false).await;

    app.operate(|change| Box::pin(resources::remove(change, MCP))).await.unwrap();
    let without = register(&app, &json!({})).await;
    assert_eq!(without.status, 201, "registration works while the resource is missing");
    assert_eq!(sign_in(&app, without.str("client_id"), &[("scope", "")]).await.reply()["error"], "invalid_scope");
}
