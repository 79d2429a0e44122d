//! The REST API. One test walks every route of the OpenAPI document, so that a new route is tested too.

use reqwest::Method;
use serde_json::{Value, json};
use signet_issuer::admin::roles::{self, NewRole};
use signet_issuer::admin::{sessions, users};
use signet_issuer::api::{PREFIX, api};

mod all_faults;
mod built_in;
mod clients;
mod group_versions;
mod locations;
mod new_users;
mod nulls;
mod overview;
mod plain;
mod pointers;
mod query_faults;
mod recent_sign_in;
mod resource_removal;
mod resources;
mod same_moment;
mod taken;
mod unstorable;
mod user_versions;
mod versions;

use crate::support::{Answer, CALLBACK, ORDERS, PASSWORD, TestApp, VERIFIER};

/// The file of the document, as it is published.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

impl TestApp {
    /// Returns an issuer with a user for each scope of administration, who is named after it.
    pub async fn administered() -> Self {
        let app = Self::new().await.with_orders().await;
        for scope in ["admin:read", "admin:users"] {
            app.operate(|change| Box::pin(roles::add(change, NewRole::check(scope, &[scope.to_owned()]).unwrap()))).await.unwrap();
            app.add_user(&scope.replace(':', "-"), &[scope]).await;
        }
        app.add_user("boss", &["admin", "clerk"]).await;
        app
    }

    /// Returns an access token of `username` with `scope`, by the client of the first start.
    pub async fn token_of(&self, username: &str, scope: &str) -> String {
        let parameters =
            [("grant_type", "password"), ("client_id", "cli"), ("username", username), ("password", PASSWORD), ("scope", scope)];
        self.token(&parameters).await.str("access_token").to_owned()
    }

    pub async fn call(&self, method: &str, path: &str, token: &str, tag: Option<&str>, body: Option<Value>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{PREFIX}{path}", self.url));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }
}

fn document() -> Value {
    serde_json::to_value(api().document("https://id.example", true)).unwrap()
}

#[test]
fn the_published_document_is_that_of_the_routes() {
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(FILE, &text).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).unwrap_or_default() == text, "docs/openapi.json is old; run this test with INSTA_UPDATE=always");
}

#[test]
fn no_two_routes_have_the_same_operation_id() {
    let document = document();
    let mut seen = std::collections::BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(seen.insert(id.clone()), "{id}");
        }
    }
}

/// A route of the document: the method, the path below the prefix with a name in place of its parameter, and the scopes of which any one
/// is enough.
fn routes() -> Vec<(String, String, Vec<String>)> {
    let document = document();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let scopes = operation["security"].as_array().unwrap().iter().map(|one| one["signet"][0].as_str().unwrap().to_owned());
            let path = path.strip_prefix(PREFIX).unwrap().replace("{id}", "00000000-0000-4000-8000-000000000000");
            let path =
                ["{name}", "{identifier}", "{kid}", "{sid}", "{claim}"].iter().fold(path, |path, name| path.replace(name, "nothing"));
            routes.push((method.to_uppercase(), path, scopes.collect()));
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_only_live_tokens_with_its_scope_pass() {
    let app = TestApp::administered().await;
    let routes = routes();
    assert!(routes.len() > 30, "{}", routes.len());
    app.add_user("leaver", &["admin"]).await;
    app.add_user("browser", &["admin"]).await;
    let disabled = app.token_of("leaver", "admin").await;
    app.disable_user("leaver").await;
    let ended = code_token(&app, "browser").await;
    let browser = users::show(&app.reading(), "browser").await.unwrap().id;
    assert_eq!(app.call("GET", "/users", &ended, None, None).await.status, 200, "the token is good while the session lasts");
    app.operate(|change| Box::pin(sessions::end_all(change, browser))).await.unwrap();
    let elsewhere = app.sign_in("boss", "orders:read").await.str("access_token").to_owned();
    let mut by_scope = Vec::new();
    for (user, scope) in [("admin-read", "admin:read"), ("admin-users", "admin:users"), ("boss", "admin")] {
        by_scope.push((scope, app.token_of(user, scope).await));
    }
    // Twice: with `If-Match` and without, so that nothing is told before the token was checked.
    for (method, path, scopes) in &routes {
        for tag in [None, Some("\"0\"")] {
            let what = format!("{method} {path} {tag:?}");
            let answer = app.call(method, path, "", tag, None).await;
            assert_eq!(answer.status, 401, "{what}");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"administration\"", "{what}");
            for token in [&disabled, &ended, &elsewhere, "nonsense"] {
                let answer = app.call(method, path, token, tag, None).await;
                assert_eq!((answer.status, answer.str("error")), (401, "invalid_token"), "{what}");
                assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{what}");
                assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
            }
            for (scope, token) in &by_scope {
                let answer = app.call(method, path, token, tag, None).await;
                let what = format!("{what} with {scope}: {} {}", answer.status, answer.text);
                if scopes.iter().any(|known| known == scope) {
                    assert!(![401, 403, 405].contains(&answer.status) && answer.status < 500, "{what}");
                    if ["PATCH", "PUT", "DELETE"].contains(&method.as_str()) && tag.is_none() {
                        assert_eq!(answer.status, 428, "{what}");
                    }
                } else {
                    assert_eq!((answer.status, answer.str("error")), (403, "insufficient_scope"), "{what}");
                    assert!(answer.header("www-authenticate").contains(&format!("scope=\"{}\"", scopes[0])), "{what}");
                }
            }
        }
    }
}

/// Signs `username` in to the documentation by the code flow, as Swagger UI does.
async fn code_token(app: &TestApp, username: &str) -> String {
    let browser = app.signed_in(username).await;
    let redirect_uri = format!("{}/docs/oauth2-redirect.html", app.url);
    let asked = app.authorize(&[("client_id", "api-docs"), ("redirect_uri", &redirect_uri), ("scope", "admin")]);
    let mut answer = browser.get_once(&asked).await;
    while !answer.header("location").starts_with(&redirect_uri) {
        if answer.text.contains("action=\"/consent\"") {
            let mut form = answer.hidden("/consent");
            form.push(("choice".to_owned(), "allow".to_owned()));
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            answer = browser.post_once("/consent", &form).await;
            continue;
        }
        assert_eq!(answer.status, 303, "{}", answer.text);
        let next = answer.header("location").to_owned();
        answer = browser.get_once(&next).await;
    }
    let location = answer.header("location");
    let url = url::Url::parse(location).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "api-docs"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
    ];
    app.token(&form).await.str("access_token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_taken_from_an_administrator_is_gone_from_their_token_at_once() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let boss = users::show(&app.reading(), "boss").await.unwrap().id;
    let role = ["admin".to_owned()];
    app.operate(|change| Box::pin(users::change_roles(change, boss, &[], &role))).await.unwrap();
    assert_eq!(app.call("GET", "/users", &token, None, None).await.status, 401);
}

/// The changes of a client after which somebody else may receive its tokens or prove to be the client, or which tell it more about people.
fn dangerous_changes() -> Vec<Value> {
    vec![
        json!({ "redirect_uris": ["https://evil.example/callback"] }),
        json!({ "origins": ["https://evil.example"] }),
        json!({ "metadata": { "post_logout_redirect_uris": ["https://evil.example/"] } }),
        json!({ "metadata": { "jwks_uri": "https://evil.example/jwks.json" } }),
        json!({ "pkce": "optional" }),
        json!({ "first_party": true }),
        json!({ "group_filter": "all" }),
        json!({ "signals_of_all_users": true }),
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangerous_operation_needs_a_recent_sign_in_of_a_user_but_not_of_a_client() {
    let app = TestApp::administered().await;
    app.add_client_with("service", false, "client_credentials", &["admin"], |draft| {
        draft.default_resource = Some(app.app.settings.issuer.as_str().to_owned());
    })
    .await;
    app.add_client("old", false, "client_credentials", &["orders:read"]).await;
    let app = app.with_web().await;
    let form =
        [("grant_type", "password"), ("client_id", "cli"), ("username", "boss"), ("password", PASSWORD), ("scope", "admin offline_access")];
    let refresh = app.token(&form).await.str("refresh_token").to_owned();
    app.advance(601);
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("client_id", "cli"), ("refresh_token", &refresh)]).await;
    let old = refreshed.str("access_token");
    let answer = app.call("POST", "/clients/old/secrets", old, None, Some(json!({}))).await;
    assert_eq!(answer.status, 401, "{}", answer.text);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains("max_age=\"600\""), "{challenge}");
    assert_eq!(app.call("GET", "/clients/old", old, None, None).await.status, 200);
    let patch = async |token: &str, path: &str, body: &Value| app.call("PATCH", path, token, Some("*"), Some(body.clone())).await;
    for change in dangerous_changes() {
        let answer = patch(old, "/clients/web", &change).await;
        assert_eq!(answer.status, 401, "{change}: {}", answer.text);
    }
    assert_eq!(patch(old, "/clients/web", &json!({ "client_name": "Another name" })).await.status, 200);
    let recent = app.token_of("boss", "admin").await;
    for change in dangerous_changes() {
        let answer = patch(&recent, "/clients/web", &change).await;
        assert_eq!(answer.status, 200, "{change}: {}", answer.text);
    }
    assert!(app.call("POST", "/clients/old/secrets", &recent, None, Some(json!({}))).await.json["client_secret"].is_string());
    let service = app.client_token("service", "admin").await.str("access_token").to_owned();
    assert_eq!(app.call("POST", "/clients/old/secrets", &service, None, Some(json!({}))).await.status, 200);
    app.add_user("alice", &["clerk"]).await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let grant = json!({ "add": ["admin"] });
    assert_eq!(app.call("POST", &format!("/users/{alice}/roles"), &service, None, Some(grant.clone())).await.status, 403);
    assert_eq!(app.call("POST", &format!("/users/{alice}/roles"), &recent, None, Some(grant)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_acts_on_people_but_not_on_administrators() {
    let app = TestApp::administered().await.with_user("alice").await;
    app.sign_in("alice", "openid").await;
    let token = app.token_of("admin-users", "admin:users").await;
    for (username, status) in [("alice", 200), ("boss", 403), ("admin-read", 403), ("admin-users", 403)] {
        let id = users::show(&app.reading(), username).await.unwrap().id;
        for action in ["end-sessions", "end-authorizations"] {
            let answer = app.call("POST", &format!("/users/{id}/{action}"), &token, None, None).await;
            assert_eq!(answer.status, status, "{username} {action}: {}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_twice_is_a_conflict_that_names_what_exists() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let user = json!({ "username": "carol", "email": "carol@example.com", "password": "a long and good passphrase" });
    for (path, body, id) in [
        ("/users", user, "id"),
        ("/groups", json!({ "name": "on-call", "roles": ["clerk"] }), "id"),
        ("/attributes", json!({ "name": "desk", "type": "number", "multi_valued": true, "max": 40 }), "name"),
        ("/roles", json!({ "name": "packer", "scopes": ["orders:read"] }), "name"),
        (
            "/resources",
            json!({ "identifier": "https://stock.example", "name": "Stock", "scopes": [{ "name": "stock:read" }] }),
            "identifier",
        ),
    ] {
        let first = app.call("POST", path, &token, None, Some(body.clone())).await;
        assert_eq!(first.status, 201, "{path}: {}", first.text);
        let location = first
            .header("location")
            .strip_prefix(&format!("{}{PREFIX}", app.url))
            .unwrap_or_else(|| panic!("{}", first.header("location")))
            .to_owned();
        let shown = app.call("GET", &location, &token, None, None).await;
        assert_eq!((shown.status, &shown.json), (200, &first.json), "{path}");
        let second = app.call("POST", path, &token, None, Some(body)).await;
        assert_eq!((second.status, second.str("id")), (409, first.str(id)), "{path}: {}", second.text);
    }
    let client = json!({ "client_id": "stock", "client_name": "Stock", "grant_types": ["client_credentials"], "scope": "orders:read" });
    let first = app.call("POST", "/clients", &token, None, Some(client.clone())).await;
    assert!(first.status == 201 && first.json["client_secret"].is_string(), "{}", first.text);
    assert_eq!(first.header("cache-control"), "no-store");
    let second = app.call("POST", "/clients", &token, None, Some(client)).await;
    assert_eq!((second.status, second.str("id")), (409, "stock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_name_the_member_by_its_pointer() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let many = json!({ "username": "", "email": "nobody", "password": "a long and good passphrase" });
    for (path, body, pointers) in [
        ("/users", json!({ "username": "x", "pasword": "secret" }), vec!["#/pasword"]),
        ("/users", many, vec!["#/username", "#/email"]),
        ("/users", json!({ "username": 7, "password": "a long and good passphrase" }), vec!["#/username"]),
        ("/users", json!({ "username": "x", "password": "a long and good passphrase", "roles": ["clerk", 7] }), vec!["#/roles/1"]),
        (
            "/resources",
            json!({ "identifier": "https://x.example", "name": "X", "scopes": [{ "nam/e": "x" }] }),
            vec!["#/scopes/0/nam~1e", "#"],
        ),
        ("/roles", json!([]), vec!["#"]),
    ] {
        let answer = app.call("POST", path, &token, None, Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        let found: Vec<&str> = answer.json["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{body}: {}", answer.text);
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    let sent = |body: &str, media_type: &str| {
        let request = app.http.post(format!("{}{PREFIX}/roles", app.url)).bearer_auth(&token).header("content-type", media_type);
        request.body(body.to_owned()).send()
    };
    for (body, media_type, status) in [
        ("{", "application/json", 400),
        (r#"["x"]"#, "application/json", 422),
        (r#"{"name":"x"} {}"#, "application/json", 400),
        ("name=x", "application/x-www-form-urlencoded", 415),
        (&format!("{{\"name\":\"{}\"}}", "x".repeat(70_000)), "application/json", 413),
        (r#"{"name":"x","name":"y"}"#, "application/json; charset=utf-8", 422),
    ] {
        let answer = Answer::of(sent(body, media_type).await.unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/problem+json"), "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_needs_the_version_that_it_changes() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let call = async |method: &str, path: &str, tag: Option<&str>, body: Value| app.call(method, path, &token, tag, Some(body)).await;
    assert_eq!(call("POST", "/groups", None, json!({ "name": "team" })).await.status, 201);
    assert_eq!(call("POST", "/attributes", None, json!({ "name": "team", "type": "string" })).await.status, 201);
    let alice = format!("/users/{}", app.add_user("alice", &["clerk"]).await);
    let orders = "/resources/https%3A%2F%2Forders%2Eexample";
    for (path, patch, member) in [
        ("/roles/clerk", json!({ "display_name": "Clerk" }), "display_name"),
        ("/attributes/team", json!({ "scope": "profile" }), "scope"),
        (&alice, json!({ "name": "Alice" }), "name"),
        ("/groups/team", json!({ "display_name": "The team" }), "display_name"),
        (orders, json!({ "name": "Orders" }), "name"),
    ] {
        let read = app.call("GET", path, &token, None, None).await;
        let tag = read.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{path}: {tag}");
        assert_eq!(call("PATCH", path, None, patch.clone()).await.status, 428, "{path}");
        assert_eq!(call("PATCH", path, Some("\"99\""), patch.clone()).await.status, 412, "{path}");
        assert_eq!(call("PATCH", path, Some("W/\"0\""), patch.clone()).await.status, 412, "{path}");
        let changed = call("PATCH", path, Some(&tag), patch.clone()).await;
        assert_eq!((changed.status, &changed.json[member]), (200, &patch[member]), "{path}: {}", changed.text);
        assert_ne!(changed.header("etag"), tag, "{path}");
        assert_eq!(call("PATCH", path, Some(&tag), patch.clone()).await.status, 412, "{path}: the version is spent");
        if path == orders {
            let refused = call("PATCH", path, Some("*"), json!({ member: null })).await;
            assert_eq!(refused.status, 422, "{path}: a name cannot be removed: {}", refused.text);
        } else {
            let removed = call("PATCH", path, Some("*"), json!({ member: null })).await;
            assert_eq!((removed.status, &removed.json[member]), (200, &Value::Null), "{path}: {}", removed.text);
        }
        assert_eq!(app.call("DELETE", path, &token, Some("\"99\""), None).await.status, 412, "{path}");
        assert_eq!(app.call("DELETE", path, &token, None, None).await.status, 428, "{path}");
        let last = app.call("GET", path, &token, None, None).await.header("etag").to_owned();
        assert_eq!(app.call("DELETE", path, &token, Some(&last), None).await.status, 204, "{path}");
        assert_eq!(app.call("GET", path, &token, None, None).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_that_link_to_each_other() {
    let app = TestApp::administered().await;
    let token = app.token_of("admin-read", "admin:read").await;
    let (mut path, mut names, mut pages) = ("/users?limit=3&enabled=true".to_owned(), Vec::new(), 0);
    loop {
        let page = app.call("GET", &path, &token, None, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        names.extend(page.json["items"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        pages += 1;
        let link = page.header("link");
        assert_eq!(link.is_empty(), page.json["next"].is_null());
        let Some(next) = link.strip_prefix('<').and_then(|rest| rest.split_once(">; rel=\"next\"")) else { break };
        path = next.0.strip_prefix(&format!("{}{PREFIX}", app.url)).unwrap().to_owned();
    }
    assert_eq!((names.as_slice(), pages), (["admin", "admin-read", "admin-users", "boss"].map(str::to_owned).as_slice(), 2));
    for query in ["limit=0", "limit=201", "limit=x", "after=%21", "enabled=perhaps", "page=2", "limit=1&limit=2", "after=%00"] {
        let answer = app.call("GET", &format!("/users?{query}"), &token, None, None).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "application/problem+json"), "{query}: {}", answer.text);
    }
    for path in ["/sessions?after=AAAA", "/authorizations?after=AAAA", "/resources?after=AAAA", "/groups/none/members"] {
        let status = app.call("GET", path, &token, None, None).await.status;
        assert!([200, 400, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_registered_origins_alone_may_call_the_api() {
    let app = TestApp::administered().await.with_web().await;
    let preflight = async |origin: &str| {
        let request = app.http.request(Method::OPTIONS, format!("{}{PREFIX}/roles/clerk", app.url)).header("origin", origin);
        let request = request.header("access-control-request-method", "PUT").header("access-control-request-headers", "if-match");
        Answer::of(request.send().await.unwrap()).await
    };
    let origin = CALLBACK.strip_suffix("/callback").unwrap();
    let allowed = preflight(origin).await;
    assert_eq!(allowed.header("access-control-allow-origin"), origin);
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert!(allowed.header("access-control-allow-methods").contains(method), "{method}");
    }
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
    assert_eq!(ORDERS, "https://orders.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_shows_the_document_of_this_issuer() {
    let app = TestApp::new().await;
    let page = app.get("/docs/").send().await;
    assert!(page.text.contains("swagger-ui") && page.header("content-security-policy").contains("script-src 'self'"), "{}", page.text);
    assert!(!page.text.contains("https://"), "the page loads nothing from elsewhere: {}", page.text);
    let document = app.get("/docs/openapi.json").send().await;
    assert_eq!((document.str("openapi"), document.json["servers"][0]["url"].as_str().unwrap()), ("3.1.0", app.url.as_str()));
    let flows = &document.json["components"]["securitySchemes"]["signet"]["flows"];
    assert!(flows["authorizationCode"].is_object() && flows["password"].is_object(), "{flows}");
    let script = app.get("/docs/swagger-initializer.js").send().await;
    assert!(script.text.contains("api-docs") && script.text.contains(&format!("{}/docs/openapi.json", app.url)), "{}", script.text);
    assert_eq!(app.get("/docs").send().await.status, 200, "it leads to the page");
    assert_eq!(app.get("/docs/nothing.js").send().await.status, 404);
    let answer = app.get("/api/v1/nothing").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
    let answer = app.post("/api/v1/keys/x").send().await;
    assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"));
    let answer = app.http.put(format!("{}/api/v1/users", app.url)).send().await.unwrap();
    assert_eq!(
        (answer.status(), answer.headers()["content-type"].to_str().unwrap()),
        (reqwest::StatusCode::METHOD_NOT_ALLOWED, "application/problem+json")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_edited_in_everything_but_the_id() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let path = format!("/users/{}", users::show(&app.reading(), "alice").await.unwrap().id);
    let call = async |method: &str, path: &str, body: Value| app.call(method, path, &token, Some("*"), Some(body)).await;
    call("POST", "/attributes", json!({ "name": "team", "type": "string", "max": 5 })).await;
    let everything = json!({
        "username": "alicia", "email": "new@example.com", "email_verified": true, "name": "Alicia", "external_id": "e-1",
        "claims": { "nickname": "Al" }, "attributes": { "team": "blue" },
    });
    let edited = call("PATCH", &path, everything.clone()).await;
    assert_eq!(edited.status, 200, "{}", edited.text);
    for (member, value) in everything.as_object().unwrap() {
        assert_eq!(&edited.json[member], value, "{member}");
    }
    let emptied = call("PATCH", &path, json!({ "email": "other@example.com", "attributes": { "team": null }, "claims": null })).await;
    assert_eq!((&emptied.json["email_verified"], &emptied.json["attributes"]), (&json!(false), &json!({})), "{}", emptied.text);
    let refused = call("PATCH", &path, json!({ "email": "nobody", "attributes": { "team": "purple" }, "username": null })).await;
    let faults: Vec<&str> = refused.json["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!((refused.status, faults), (422, vec!["#/username", "#/email", "#/attributes/team"]), "{}", refused.text);
    assert_eq!(call("PATCH", &path, json!({ "id": "x" })).await.status, 422);
    let taken = call("PATCH", &path, json!({ "username": "boss" })).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    // The help desk changes the address, but not what applications recognize people by.
    let help = app.token_of("admin-users", "admin:users").await;
    let of_help = async |body: Value| app.call("PATCH", &path, &help, Some("*"), Some(body)).await.status;
    assert_eq!((of_help(json!({ "email": null })).await, of_help(json!({ "email_verified": true })).await), (200, 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_at_once_one_is_told_that_the_version_is_spent() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let path = format!("/users/{}", users::show(&app.reading(), "alice").await.unwrap().id);
    let tag = app.call("GET", &path, &token, None, None).await.header("etag").to_owned();
    let edit = |name: &'static str| app.call("PATCH", &path, &token, Some(&tag), Some(json!({ "name": name })));
    let (one, other) = tokio::join!(edit("One"), edit("Other"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{} {}", one.text, other.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_unlocked_and_their_consents_are_withdrawn() {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let token = app.token_of("admin-users", "admin:users").await;
    let path = format!("/users/{}", users::show(&app.reading(), "alice").await.unwrap().id);
    let browser = app.signed_in("alice").await;
    let refresh = app.code_flow(&browser, &[]).await.str("refresh_token").to_owned();
    let given = app.call("GET", &format!("{path}/consents"), &token, None, None).await;
    assert_eq!((given.status, given.json["items"][0]["client_id"].as_str()), (200, Some("web")), "{}", given.text);
    assert!(given.json["items"][0]["scope"].as_str().unwrap().contains("orders:read"), "{}", given.text);
    let withdraw =
        async || app.call("POST", &format!("{path}/withdraw-consent"), &token, None, Some(json!({ "client_id": "web" }))).await.status;
    assert_eq!((withdraw().await, withdraw().await), (204, 404));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let refused = app.post("/token").basic_auth("web", crate::support::SECRET).form(&form).send().await;
    assert_eq!(refused.str("error"), "invalid_grant");
    app.try_password("alice", "wrong", "").await;
    assert_eq!(app.call("POST", &format!("{path}/unlock"), &token, None, None).await.status, 200);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'user_unlocked' AND face = 'api'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removal_of_a_resource_renews_the_versions_of_its_roles() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let before = app.call("GET", "/roles/clerk", &token, None, None).await.header("etag").to_owned();
    let removed = app.call("DELETE", "/resources/https%3A%2F%2Forders%2Eexample", &token, Some("*"), None).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    let after = app.call("GET", "/roles/clerk", &token, None, None).await;
    assert_ne!(after.header("etag"), before, "{}", after.text);
    let late = app.call("PATCH", "/roles/clerk", &token, Some(&before), Some(json!({ "display_name": "Clerk" }))).await;
    assert_eq!(late.status, 412, "{}", late.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_edit_and_a_removal_at_once_only_one_is_done() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    for round in 0..5 {
        let (role, resource) = (format!("role-{round}"), format!("https://stock-{round}.example"));
        app.call("POST", "/roles", &token, None, Some(json!({ "name": role }))).await;
        app.call("POST", "/resources", &token, None, Some(json!({ "identifier": resource, "name": "Stock" }))).await;
        let path_of = resource.replace(':', "%3A").replace('/', "%2F").replace('.', "%2E");
        let patches =
            [(format!("/roles/{role}"), json!({ "display_name": "x" })), (format!("/resources/{path_of}"), json!({ "name": "x" }))];
        for (path, patch) in patches {
            let edit = app.call("PATCH", &path, &token, Some("\"0\""), Some(patch));
            let remove = app.call("DELETE", &path, &token, Some("\"0\""), None);
            let (edited, removed) = tokio::join!(edit, remove);
            let found = (edited.status, removed.status);
            assert!([(200, 412), (404, 204)].contains(&found), "{path}: {found:?} {} {}", edited.text, removed.text);
        }
    }
}
