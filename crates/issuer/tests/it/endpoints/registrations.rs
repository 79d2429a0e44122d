//! Registrations as editors, agents and MCP clients send them today are accepted, what is not supported is replaced, and nothing is
//! replaced by something weaker. `registrations.json` keeps what was seen, with the place where it was seen.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::support::{Answer, PASSWORD, TestApp, VERIFIER};

/// One registration as it was seen.
#[derive(Deserialize)]
struct Seen {
    client: String,
    sends: Value,
    /// The members of the answer that differ from what the client sent, or that it left out.
    registered: Map<String, Value>,
}

fn seen() -> Vec<Seen> {
    serde_json::from_str(include_str!("registrations.json")).unwrap()
}

async fn open() -> TestApp {
    TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_user("alice").await
}

async fn register(app: &TestApp, metadata: &Value) -> Answer {
    Answer::of(app.http.post(format!("{}/register", app.url)).json(metadata).send().await.unwrap()).await
}

fn scopes(text: &str) -> Vec<&str> {
    let mut scopes: Vec<&str> = text.split(' ').collect();
    scopes.sort_unstable();
    scopes
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_today_registers_and_signs_people_in() {
    let app = open().await;
    for Seen { client, sends, registered } in seen() {
        let made = register(&app, &sends).await;
        assert_eq!(made.status, 201, "{client}: {}", made.text);
        let text = |member: &str| registered.get(member).or(sends.get(member)).and_then(Value::as_str);
        assert_eq!(made.json["redirect_uris"], sends["redirect_uris"], "{client}");
        assert_eq!(made.json["response_types"], json!(["code"]), "{client}");
        assert_eq!(made.json["grant_types"], *registered.get("grant_types").unwrap_or(&sends["grant_types"]), "{client}");
        assert_eq!(made.str("application_type"), text("application_type").unwrap(), "{client}");
        assert_eq!(Some(made.str("token_endpoint_auth_method")), text("token_endpoint_auth_method"), "{client}");
        match registered.get("scope") {
            Some(scope) => assert_eq!(scopes(made.str("scope")), scopes(scope.as_str().unwrap()), "{client}"),
            None => assert_eq!(scopes(made.str("scope")).len(), 6, "{client}: the scopes of OpenID Connect"),
        }
        for uri in sends["redirect_uris"].as_array().unwrap() {
            sign_in(&app, &client, &made, uri.as_str().unwrap()).await;
        }
    }
}

/// Runs the code flow of the client that `made` registered, twice, with the redirect URI `uri`.
async fn sign_in(app: &TestApp, client: &str, made: &Answer, uri: &str) {
    let id = made.str("client_id");
    let secret = made.json["client_secret"].as_str().unwrap_or_default();
    let method = made.str("token_endpoint_auth_method");
    let browser = app.signed_in("alice").await;
    let request = app.authorize(&[("client_id", id), ("redirect_uri", uri), ("scope", "openid")]);
    for time in ["first", "second"] {
        let mut answer = browser.get(&request).await;
        // Any program on the device may claim the address, so consent is asked for each time.
        if time == "first" && !consented(app, id).await || !uri.starts_with("https://") && method == "none" {
            assert!(answer.text.contains("action=\"/consent\""), "{client} {uri} {time}: {} {}", answer.status, answer.text);
            answer = browser.consent(&answer).await;
        }
        let location = Url::parse(answer.header("location")).unwrap();
        assert!(location.as_str().starts_with(uri), "{client}: {location}");
        let code = answer.reply()["code"].clone();
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", uri), ("code_verifier", VERIFIER)];
        let tokens = match method {
            "client_secret_basic" => app.post("/token").basic_auth(id, secret).form(&form).send().await,
            "client_secret_post" => app.token(&[&form[..], &[("client_id", id), ("client_secret", secret)]].concat()).await,
            _ => app.token(&[&form[..], &[("client_id", id)]].concat()).await,
        };
        assert_eq!(tokens.status, 200, "{client}: {}", tokens.text);
    }
}

async fn consented(app: &TestApp, client: &str) -> bool {
    app.count(&format!("SELECT count(*) FROM consents WHERE client_id = '{client}'")).await > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_replaced_by_something_weaker() {
    let app = open().await;
    let keys = json!({ "keys": [] });
    for (member, value) in [
        ("subject_type", json!("pairwise")),
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("token_endpoint_auth_method", json!("self_signed_tls_client_auth")),
        ("token_endpoint_auth_method", json!("attest_jwt_client_auth")),
        ("token_endpoint_auth_method", json!("a_method_of_tomorrow")),
        ("request_object_signing_alg", json!("RS256")),
        ("require_signed_request_object", json!(true)),
        ("require_pushed_authorization_requests", json!(true)),
        ("dpop_bound_access_tokens", json!(true)),
        ("tls_client_certificate_bound_access_tokens", json!(true)),
        ("id_token_encrypted_response_alg", json!("RSA-OAEP-256")),
        ("id_token_encrypted_response_enc", json!("A128GCM")),
        ("userinfo_encrypted_response_alg", json!("RSA-OAEP-256")),
        ("userinfo_encrypted_response_enc", json!("A128GCM")),
        ("request_object_encryption_alg", json!("RSA-OAEP-256")),
        ("request_object_encryption_enc", json!("A128GCM")),
        ("authorization_signed_response_alg", json!("RS256")),
        ("authorization_encrypted_response_alg", json!("RSA-OAEP-256")),
        ("authorization_encrypted_response_enc", json!("A128GCM")),
        ("introspection_signed_response_alg", json!("RS256")),
        ("introspection_encrypted_response_alg", json!("RSA-OAEP-256")),
        ("introspection_encrypted_response_enc", json!("A128GCM")),
        ("id_token_signed_response_alg", json!("none")),
        ("id_token_signed_response_alg", json!("HS256")),
        ("userinfo_signed_response_alg", json!("HS256")),
        ("grant_types", json!(["client_credentials"])),
        ("response_types", json!(["token"])),
    ] {
        let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"], member: value });
        if value == "a_method_of_tomorrow" {
            metadata["jwks"] = keys.clone();
        }
        let refused = register(&app, &metadata).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata"), "{member} {value}");
        assert!(refused.str("error_description").starts_with(&format!("{member}: expected")), "{}", refused.text);
    }
    assert_eq!(app.count("SELECT count(*) FROM clients WHERE registration_token_hash IS NOT NULL").await, 0);
    let several = json!({ "redirect_uris": ["https://new.example/cb"], "subject_type": "pairwise", "response_types": ["token"] });
    let refused = register(&app, &several).await;
    assert!(
        ["subject_type: ", "response_types: "].iter().all(|field| refused.str("error_description").contains(field)),
        "{}",
        refused.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_no_protection_is_accepted() {
    let app = open().await;
    let harmless = json!({
        "redirect_uris": ["https://new.example/cb"], "subject_type": "public", "request_object_signing_alg": "none",
        "require_signed_request_object": false, "require_pushed_authorization_requests": false, "dpop_bound_access_tokens": false,
        "tls_client_certificate_bound_access_tokens": false, "id_token_encrypted_response_alg": null, "client_uri": "", "logo_uri": "",
        "tos_uri": null, "contacts": [], "token_endpoint_auth_method": "a_method_of_tomorrow",
    });
    let made = register(&app, &harmless).await;
    assert_eq!((made.status, made.str("token_endpoint_auth_method")), (201, "client_secret_basic"), "{}", made.text);
    assert!(!made.str("client_secret").is_empty());
    let refresh = register(&app, &json!({ "redirect_uris": ["https://new.example/cb"], "grant_types": ["refresh_token"] })).await;
    assert_eq!(refresh.json["grant_types"], json!(["authorization_code", "refresh_token"]), "refresh tokens come of codes");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_is_posted_to_an_app() {
    let app = open().await;
    for uri in ["cursor://anysphere.cursor-mcp/oauth/callback", "com.example.app:/cb"] {
        let made = register(&app, &json!({ "redirect_uris": [uri], "token_endpoint_auth_method": "none" })).await;
        let request = [("client_id", made.str("client_id")), ("redirect_uri", uri), ("scope", "openid"), ("response_mode", "form_post")];
        let browser = app.browser();
        let page = browser.get(&app.authorize(&request)).await;
        let answer = browser.sign_in(&page, "alice", PASSWORD).await;
        let location = answer.header("location");
        assert!(location.starts_with(&format!("{uri}?error=invalid_request")) && location.contains("state=the+state"), "{location}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheme_of_an_app_may_follow_a_sign_out_only_for_the_same_clients() {
    let app = open().await;
    let with = |method: &str| {
        json!({
            "redirect_uris": ["http://127.0.0.1/cb"], "post_logout_redirect_uris": ["cursor://host/bye"],
            "token_endpoint_auth_method": method, "application_type": "native",
        })
    };
    assert_eq!(register(&app, &with("none")).await.status, 201);
    let refused = register(&app, &with("client_secret_basic")).await;
    assert!(refused.str("error_description").starts_with("post_logout_redirect_uris: expected"), "{}", refused.text);
}
