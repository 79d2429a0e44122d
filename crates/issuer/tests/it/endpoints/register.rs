//! A client can register itself where that is allowed, and its registration opens no door.

use serde_json::{Value, json};
use signet_issuer::admin::Refused;
use signet_issuer::admin::registration_tokens::{self, NewRegistrationToken};

use crate::support::{Answer, TestApp, at_once};

async fn open() -> TestApp {
    TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_user("alice").await
}

async fn register(app: &TestApp, metadata: &Value) -> Answer {
    Answer::of(app.http.post(format!("{}/register", app.url)).json(metadata).send().await.unwrap()).await
}

async fn with_token(app: &TestApp, method: reqwest::Method, url: &str, token: &str) -> Answer {
    Answer::of(app.http.request(method, url).bearer_auth(token).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_registers_signs_in_and_leaves() {
    let app = open().await;
    let callback = "https://new.example/cb";
    let metadata = json!({
        "redirect_uris": [callback], "client_name": "New App", "contacts": ["a@new.example"], "policy_uri": "https://new.example/privacy",
        "unknown_member": 1, "client_name#de": "Neue App", "default_max_age": 3600, "userinfo_signed_response_alg": "RS256",
    });
    let made = register(&app, &metadata).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.text);
    assert_eq!(made.str("scope").split(' ').count(), 6);
    let (id, secret, token) = (made.str("client_id"), made.str("client_secret"), made.str("registration_access_token"));
    assert_eq!((&made.json["client_secret_expires_at"], &made.json["unknown_member"]), (&json!(0), &json!(null)));

    let browser = app.signed_in("alice").await;
    let request =
        [("client_id", id), ("redirect_uri", callback), ("scope", "openid email"), ("code_challenge", ""), ("code_challenge_method", "")];
    let page = browser.get(&app.authorize(&request)).await;
    assert!(page.text.contains("New App") && page.text.contains("https://new.example/privacy"));
    let code = browser.consent(&page).await.reply()["code"].clone();
    let form = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", callback)];
    let post = [&form[..], &[("client_id", id), ("client_secret", secret)]].concat();
    assert_eq!(app.token(&post).await.error(), (401, "invalid_client"), "it registered for client_secret_basic");
    let tokens = app.post("/token").basic_auth(id, secret).form(&form).send().await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await;
    assert_eq!(userinfo.header("content-type"), "application/jwt");
    let claims = crate::support::claims(&userinfo.text);
    assert_eq!((&claims["aud"], &claims["email"]), (&json!(id), &json!("alice@example.com")));

    let url = made.str("registration_client_uri");
    let read = with_token(&app, reqwest::Method::GET, url, token).await;
    assert_eq!((&read.json["client_name"], &read.json["contacts"]), (&json!("New App"), &json!(["a@new.example"])));
    assert_eq!(read.json["client_secret"], json!(null));
    for wrong in ["x", secret] {
        assert_eq!(with_token(&app, reqwest::Method::GET, url, wrong).await.error(), (401, "invalid_token"));
        assert_eq!(with_token(&app, reqwest::Method::DELETE, url, wrong).await.error(), (401, "invalid_token"));
    }
    let other = register(&app, &metadata).await;
    assert_eq!(
        with_token(&app, reqwest::Method::DELETE, url, other.str("registration_access_token")).await.error(),
        (401, "invalid_token")
    );
    assert_eq!(with_token(&app, reqwest::Method::PUT, url, token).await.status, 405);
    assert_eq!(with_token(&app, reqwest::Method::DELETE, url, token).await.status, 204);
    assert_eq!(with_token(&app, reqwest::Method::GET, url, token).await.error(), (401, "invalid_token"));
    assert_eq!(app.post("/token").basic_auth(id, secret).form(&form).send().await.error(), (401, "invalid_client"));
    assert_eq!(app.get("/userinfo").bearer(tokens.str("access_token")).send().await.status, 401);
    for odd in ["%00", "%ff", "x%20y"] {
        let url = format!("{}/register/{odd}", app.url);
        assert_eq!(with_token(&app, reqwest::Method::GET, &url, token).await.error(), (401, "invalid_token"), "{odd}");
        assert_eq!(app.get(&format!("/clients/{odd}/logo")).send().await.status, 404, "{odd}");
    }
    // Registered clients of an administrator have no such URL.
    assert_eq!(with_token(&app, reqwest::Method::GET, &format!("{}/register/shop", app.url), token).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_deletions_of_a_registration_at_once_one_succeeds_and_the_others_find_no_token() {
    let app = open().await;
    for _ in 0..10 {
        let made = register(&app, &json!({ "redirect_uris": ["https://new.example/cb"] })).await;
        let (url, token) = (made.str("registration_client_uri"), made.str("registration_access_token"));
        let delete = || with_token(&app, reqwest::Method::DELETE, url, token);
        let answers = at_once((0..12).map(|_| delete()).collect()).await;
        let late = delete().await;
        let (deleted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 204);
        assert_eq!(deleted.len(), 1);
        for answer in refused {
            let told = |answer: &Answer| (answer.text.clone(), answer.header("www-authenticate").to_owned());
            assert_eq!((answer.error(), told(answer)), ((401, "invalid_token"), told(&late)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused() {
    let app = open().await;
    let with = |more: Value| {
        let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"] });
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        metadata
    };
    for uris in [
        json!([]),
        json!(["http://new.example/cb"]),
        json!(["https://new.example/cb#x"]),
        json!(["com.example.app:/cb"]),
        json!(["javascript:alert(1)"]),
        json!(["JaVaScRiPt:alert(1)"]),
        json!(["data:text/html,x"]),
        json!(["https://user@new.example/cb"]),
        json!(["https://new.example/\\cb"]),
        json!([""]),
    ] {
        assert_eq!(register(&app, &with(json!({ "redirect_uris": uris }))).await.error(), (400, "invalid_redirect_uri"), "{uris}");
    }
    for bad in [
        json!({ "redirect_uris": "https://new.example/cb" }),
        json!({ "grant_types": ["password"] }),
        json!({ "grant_types": ["client_credentials", "implicit"] }),
        json!({ "response_types": ["token"] }),
        json!({ "response_types": ["code id_token"] }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "subject_type": "pairwise" }),
        json!({ "application_type": "desktop" }),
        json!({ "id_token_signed_response_alg": "none" }),
        json!({ "id_token_signed_response_alg": "HS256" }),
        json!({ "userinfo_signed_response_alg": "ES256" }),
        json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }),
        json!({ "logo_uri": "javascript:alert(1)" }),
        json!({ "client_uri": "JAVASCRIPT:alert(1)" }),
        json!({ "policy_uri": "data:text/html,x" }),
        json!({ "tos_uri": "not a url" }),
        json!({ "initiate_login_uri": "http://new.example/login" }),
        json!({ "initiate_login_uri": "http://localhost/login" }),
        json!({ "jwks_uri": "http://localhost/jwks" }),
        json!({ "jwks": { "keys": ["garbage"] } }),
        json!({ "jwks": { "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB" }] } }),
        json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AQAB" }] } }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [{ "kty": "EC", "crv": "P-256" }] } }),
        json!({ "client_name": "Signet security \u{202e}kcehc" }),
        json!({ "client_name": "zero\u{200b}width" }),
        json!({ "client_name": "\u{3164}" }),
        json!({ "jwks_uri": "http://new.example/jwks" }),
        json!({ "jwks_uri": "https://new.example/jwks", "jwks": { "keys": [] } }),
        json!({ "jwks": [] }),
        json!({ "default_max_age": -1 }),
        json!({ "default_max_age": "soon" }),
        json!({ "post_logout_redirect_uris": ["javascript:alert(1)"] }),
        json!({ "contacts": ["a\nb"] }),
        json!({ "client_name": "a\u{0}b" }),
        json!({ "client_name": "x".repeat(101) }),
        json!({ "sector_identifier_uri": "https://127.0.0.1/sector" }),
        json!({ "scope": "\"" }),
    ] {
        assert_eq!(register(&app, &with(bad.clone())).await.error(), (400, "invalid_client_metadata"), "{bad}");
    }
    let nulls = json!({ "contacts": null, "logo_uri": null, "require_auth_time": null, "grant_types": null, "jwks": null });
    assert_eq!(register(&app, &with(nulls)).await.status, 201, "an explicit null says nothing");
    app.sql("DELETE FROM client_origins").await;
    app.sql("DELETE FROM client_scopes WHERE client_id IN (SELECT id FROM clients WHERE registration_token_hash IS NOT NULL)").await;
    app.sql("DELETE FROM clients WHERE registration_token_hash IS NOT NULL").await;
    for body in ["", "null", "[]", "{", "\u{0}"] {
        let answer = Answer::of(app.http.post(format!("{}/register", app.url)).body(body).send().await.unwrap()).await;
        assert_eq!(answer.error(), (400, "invalid_client_metadata"), "{body:?}");
    }
    let long = format!("{{\"client_name\": \"{}\"}}", "x".repeat(64 * 1024));
    let answer = Answer::of(app.http.post(format!("{}/register", app.url)).body(long).send().await.unwrap()).await;
    assert_eq!(answer.error(), (413, "invalid_request"));
    assert_eq!(app.count("SELECT count(*) FROM clients").await, 3);
    // No administration, and nothing that is not there.
    let made = register(&app, &with(json!({ "scope": "openid admin admin:read orders:read nonsense" }))).await;
    assert_eq!(made.str("scope").split(' ').collect::<std::collections::BTreeSet<_>>(), ["openid", "orders:read"].into());
    let native = with(
        json!({ "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"], "application_type": "native", "token_endpoint_auth_method": "none" }),
    );
    assert_eq!(register(&app, &native).await.json["client_secret"], json!(null));
    let assigned =
        register(&app, &with(json!({ "client_id": "shop", "client_secret": "chosen", "first_party": true, "disabled_at": null }))).await;
    assert_ne!(assigned.str("client_id"), "shop");
    assert_ne!(assigned.str("client_secret"), "chosen");
    assert_eq!(app.count("SELECT count(*) FROM clients WHERE first_party").await, 2, "those of the first start alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_access_token_is_needed_and_used_up() {
    let app = TestApp::new().await;
    let good = json!({ "redirect_uris": ["https://new.example/cb"] });
    let bare = register(&app, &good).await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Bearer realm=\"registration\""));
    let issue = async || {
        app.operate(|change| Box::pin(registration_tokens::issue(change, NewRegistrationToken::check(1, 100).unwrap())))
            .await
            .unwrap()
            .token
    };
    let token = &issue().await;
    let send = |metadata: Value, token: &str| {
        let request = app.http.post(format!("{}/register", app.url)).bearer_auth(token).json(&metadata);
        async move { Answer::of(request.send().await.unwrap()).await }
    };
    assert_eq!(send(good.clone(), "wrong").await.error(), (401, "invalid_token"));
    assert_eq!(send(json!({}), token).await.error(), (400, "invalid_redirect_uri"), "a mistake does not use it up");
    let answers = tokio::join!(send(good.clone(), token), send(good.clone(), token), send(good.clone(), token));
    let made = [answers.0, answers.1, answers.2].iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    let late = issue().await;
    app.advance(100);
    assert_eq!(send(good, &late).await.error(), (401, "invalid_token"));
}

#[test]
fn the_bounds_of_an_initial_access_token_hold_for_every_face() {
    let (day, most) = (86_400, 1_000_000);
    for (uses, lifetime, fields) in [
        (0, day, vec!["uses"]),
        (-5, day, vec!["uses"]),
        (most + 1, day, vec!["uses"]),
        (i32::MAX, i64::MAX, vec!["uses", "lifetime"]),
        (1, 59, vec!["lifetime"]),
        (1, 366 * day + 1, vec!["lifetime"]),
        (1, i64::MIN, vec!["lifetime"]),
    ] {
        match NewRegistrationToken::check(uses, lifetime) {
            Err(Refused::Invalid(faults)) => assert_eq!(faults.iter().map(|fault| fault.field).collect::<Vec<_>>(), fields),
            other => panic!("{uses} {lifetime}: {other:?}"),
        }
    }
    assert!(NewRegistrationToken::check(1, 60).is_ok() && NewRegistrationToken::check(most, 366 * day).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_make_the_issuer_send_people_on() {
    let app = open().await;
    let made = register(&app, &json!({ "redirect_uris": ["https://phish.example/cb"], "client_name": "<script>alert(1)</script>" })).await;
    let request =
        app.authorize(&[("client_id", made.str("client_id")), ("redirect_uri", "https://phish.example/cb"), ("response_type", "x")]);
    let browser = app.browser();
    let page = browser.get(&request).await;
    assert_eq!(page.heading(), "Sign in", "an error of a stranger's client is told only after the sign-in");
    assert!(page.text.contains("&#60;script&#62;") && !page.text.contains("<script"), "{}", page.text);
    let reply = browser.sign_in(&page, "alice", crate::support::PASSWORD).await.reply();
    assert_eq!(reply["error"], "unsupported_response_type");
    let silent = app.browser().get(&format!("{request}&prompt=none")).await;
    assert_eq!(
        (silent.status, silent.heading()),
        (400, "This link does not work"),
        "no page may be shown, so the fault is told to nobody else"
    );
    // A request without a fault is answered in any case, because the client cannot choose what it is told.
    let valid = app.authorize(&[("client_id", made.str("client_id")), ("redirect_uri", "https://phish.example/cb"), ("prompt", "none")]);
    assert_eq!(app.browser().get(&valid).await.reply()["error"], "login_required");
    for prompt in ["none", "none+", "none+login"] {
        let with_session = app.signed_in("alice").await.get(&format!("{request}&prompt={prompt}")).await;
        assert_eq!((with_session.status, with_session.header("location")), (400, ""), "{prompt}");
    }
}
