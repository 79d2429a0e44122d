//! Discovery states what works, and all its URLs follow from the setting `issuer` alone.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

fn scrubbed(value: &Value, url: &str) -> Value {
    serde_json::from_str(&value.to_string().replace(url, "https://id.example")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_states_what_works() {
    let app = TestApp::new().await;
    let answer = app.get("/.well-known/openid-configuration").send().await;
    insta::assert_json_snapshot!("discovery", scrubbed(&answer.json, &app.url));
    assert_eq!(app.get("/.well-known/oauth-authorization-server").send().await.json, answer.json);
    for endpoint in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let status = app.http.post(answer.str(endpoint)).send().await.unwrap().status().as_u16();
        assert_eq!(status, 400, "{endpoint}");
    }
    assert_eq!(app.http.get(answer.str("userinfo_endpoint")).send().await.unwrap().status(), 401);
    assert_eq!(app.http.get(answer.str("jwks_uri")).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_is_told_of_only_while_it_is_open() {
    let closed = TestApp::new().await;
    assert!(closed.get("/.well-known/openid-configuration").send().await.json.get("registration_endpoint").is_none());
    let refused = Answer::of(closed.http.post(format!("{}/register", closed.url)).body("{}").send().await.unwrap()).await;
    assert_eq!((refused.error(), refused.header("www-authenticate")), ((401, "invalid_token"), "Bearer realm=\"registration\""));
    assert!(refused.str("error_description").contains("signet client registration-token"), "{}", refused.text);
    let open = TestApp::with(|settings| settings.open_registration = true).await;
    for path in ["openid-configuration", "oauth-authorization-server"] {
        let metadata = open.get(&format!("/.well-known/{path}")).send().await;
        assert_eq!(metadata.str("registration_endpoint"), format!("{}/register", open.url), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_grant_is_told_of_only_while_a_client_may_use_it() {
    let app = TestApp::new().await;
    let grants = async || app.get("/.well-known/openid-configuration").send().await.json["grant_types_supported"].clone();
    let all = json!(["password", "authorization_code", "refresh_token", "client_credentials"]);
    assert_eq!(grants().await, all);
    app.disable_client("cli").await;
    // The document is prepared again after `key_refresh_interval`. While the database cannot be read, the last one stays.
    assert_eq!(grants().await, all);
    app.advance(10);
    app.sql("ALTER TABLE clients RENAME TO clients_away").await;
    assert_eq!(grants().await, all);
    app.sql("ALTER TABLE clients_away RENAME TO clients").await;
    app.advance(10);
    let answer = app.get("/.well-known/openid-configuration").send().await;
    assert_eq!(answer.json["grant_types_supported"], json!(["authorization_code", "refresh_token", "client_credentials"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_url_starts_with_the_path_of_the_issuer() {
    let app = TestApp::with(|settings| settings.issuer = format!("{}/tenant/a", settings.issuer).try_into().unwrap()).await;
    let root = app.url.strip_suffix("/tenant/a").unwrap();
    let fetch = |url: String| {
        let http = app.http.clone();
        async move { Answer::of(http.get(url).send().await.unwrap()).await }
    };
    let discovery = app.get("/.well-known/openid-configuration").send().await;
    assert_eq!(discovery.str("issuer"), app.url);
    assert_eq!(discovery.str("token_endpoint"), format!("{}/token", app.url));
    assert_eq!(fetch(format!("{root}/.well-known/oauth-authorization-server/tenant/a")).await.json, discovery.json);
    assert_eq!(fetch(format!("{root}/.well-known/openid-configuration")).await.status, 404);
    assert_eq!(fetch(format!("{root}/token")).await.status, 404);
    let password = app.admin_password.clone();
    let answer = app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &password), ("scope", "openid admin")]).await;
    assert_eq!(answer.claims()["aud"], json!([app.url, format!("{}/userinfo", app.url)]));
    assert_eq!(app.get("/userinfo").bearer(answer.str("access_token")).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_host_header_changes_nothing() {
    let app = TestApp::new().await;
    let asked = async |path: &str| {
        let request = app
            .get(path)
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("forwarded", "host=evil.example");
        request.send().await
    };
    assert_eq!(asked("/.well-known/openid-configuration").await.json, app.get("/.well-known/openid-configuration").send().await.json);
    for path in ["/sign-in", "/account", "/nowhere", "/authorize?client_id=x", "/static/style.css"] {
        let answer = asked(path).await;
        assert!(!answer.text.contains("evil.") && !format!("{:?}", answer.headers).contains("evil."), "{path}");
    }
}
