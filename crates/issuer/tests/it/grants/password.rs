use serde_json::json;
use signet_issuer::accounts::methods::password;

use crate::support::{ORDERS, PASSWORD, START, TestApp, claims, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_gives_an_access_token_for_the_default_resource() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.sign_in("alice", "orders:read").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(
        (&answer.json["token_type"], &answer.json["expires_in"], &answer.json["scope"]),
        (&json!("Bearer"), &json!(600), &json!("orders:read"))
    );
    assert!(answer.json["refresh_token"].is_string() && answer.json["id_token"].is_null());

    let head = header(answer.str("access_token"));
    assert_eq!((&head["typ"], &head["alg"]), (&json!("at+jwt"), &json!("RS256")));
    let claims = answer.claims();
    let user = signet_issuer::store::users::row(app.app.store.reader(), "alice").await.unwrap().unwrap();
    assert_eq!(claims["iss"], app.url);
    assert_eq!(claims["sub"], user.id.to_string());
    assert_eq!(claims["aud"], ORDERS);
    assert_eq!((&claims["iat"], &claims["exp"], &claims["auth_time"]), (&json!(START), &json!(START + 600), &json!(START)));
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!("shop"), &json!("orders:read")));
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("urn:signet:acr:password"), &json!(["pwd"])));
    assert!(claims["jti"].as_str().unwrap().len() >= 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_get_one_answer_whatever_is_wrong() {
    let app =
        TestApp::with(|settings| settings.account_attempts = 100).await.with_orders().await.with_user("alice").await.with_user("bob").await;
    app.disable_user("bob").await;
    app.add_user("carol", &[]).await;
    app.sql("UPDATE users SET password_hash = '$argon2id$broken' WHERE username = 'carol'").await;
    let wrong = app.try_password("alice", "wrong password", "").await;
    assert_eq!(wrong.error(), (400, "invalid_grant"));
    let attempts = [
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("bob", "wrong password"),
        ("carol", PASSWORD),
        ("alice", "short"),
        ("alice", &"x".repeat(300)),
        ("' OR 1=1 --", PASSWORD),
    ];
    for (username, password) in attempts {
        let answer = app.try_password(username, password, "").await;
        assert_eq!((answer.status, &answer.text), (wrong.status, &wrong.text), "{username}");
        assert!(answer.headers.keys().eq(wrong.headers.keys()), "{username}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_used_exactly_as_received() {
    let app = TestApp::new().await.with_orders().await;
    let password = " Pässwörd with spaces\u{1f511} ";
    let hash = password::hash(&app.app, password.into()).await.unwrap();
    app.add_user_with_hash("alice", &["clerk"], hash).await;
    assert_eq!(app.try_password("alice", password, "").await.status, 200);
    for changed in [password.trim(), &password.to_lowercase(), &password.replace('ä', "a\u{308}")] {
        assert_eq!(app.try_password("alice", changed, "").await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_are_what_was_asked_and_may_be_held() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_user("bob", &[]).await;
    app.add_client("reader", true, "password", &["orders:read"]).await;
    // What the client may not ask for, what nobody knows and what the user does not hold is dropped.
    let through = |client: &'static str, user: &'static str, scope: &'static str| {
        let app = &app;
        async move {
            app.token(&[("grant_type", "password"), ("client_id", client), ("username", user), ("password", PASSWORD), ("scope", scope)])
                .await
        }
    };
    assert_eq!(
        through("shop", "alice", "orders:write orders:read orders:read admin nonsense").await.str("scope"),
        "orders:read orders:write"
    );
    assert_eq!(through("reader", "alice", "orders:read orders:write").await.str("scope"), "orders:read");
    assert_eq!(through("reader", "alice", "orders:write").await.error(), (400, "invalid_scope"));
    assert_eq!(through("shop", "bob", "orders:read").await.error(), (400, "invalid_scope"));
    assert_eq!(through("shop", "alice", "orders\"read").await.error(), (400, "invalid_scope"));
    // None asked: the client's scopes of its default resource, as far as the user holds them.
    assert_eq!(through("shop", "alice", "").await.str("scope"), "orders:read orders:write");
    assert_eq!(through("shop", "bob", "").await.str("scope"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_is_never_a_default() {
    let app = TestApp::new().await;
    let ask = |scope: &'static str| {
        let app = &app;
        async move { app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &app.admin_password), ("scope", scope)]).await }
    };
    assert_eq!(ask("").await.str("scope"), "");
    let asked = ask("admin").await;
    assert_eq!((asked.str("scope"), &asked.claims()["aud"]), ("admin", &json!(app.url)));
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_adds_an_id_token_and_userinfo_to_the_audience() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let answer = app.sign_in("alice", "openid orders:read profile").await;
    assert_eq!(answer.claims()["aud"], json!([ORDERS, format!("{}/userinfo", app.url)]));
    assert_eq!(answer.str("scope"), "openid orders:read profile");
    let id_token = claims(answer.str("id_token"));
    assert_eq!(header(answer.str("id_token"))["typ"], "JWT");
    assert_eq!((&id_token["aud"], &id_token["iss"], &id_token["sub"]), (&json!("shop"), &json!(app.url), &answer.claims()["sub"]));
    assert_eq!((&id_token["exp"], &id_token["auth_time"]), (&json!(START + 3600), &json!(START)));
    assert!(id_token["at_hash"].is_string() && id_token["nonce"].is_null() && id_token["azp"].is_null());

    let only_oidc = app.sign_in("alice", "openid email").await;
    assert_eq!(only_oidc.claims()["aud"], format!("{}/userinfo", app.url));
    assert_eq!(only_oidc.str("scope"), "email openid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_resource_is_the_only_audience() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let ask = |resource: String, scope: &'static str| {
        let app = &app;
        async move {
            let parameters = [
                ("grant_type", "password"),
                ("client_id", "shop"),
                ("username", "alice"),
                ("password", PASSWORD),
                ("scope", scope),
                ("resource", &resource),
            ];
            app.token(&parameters).await
        }
    };
    let orders = ask(ORDERS.to_owned(), "openid orders:read").await;
    assert_eq!((&orders.claims()["aud"], orders.str("scope")), (&json!(ORDERS), "orders:read"));
    assert!(orders.json["id_token"].is_string());
    let userinfo = ask(format!("{}/userinfo", app.url), "openid orders:read").await;
    assert_eq!((&userinfo.claims()["aud"], userinfo.str("scope")), (&json!(format!("{}/userinfo", app.url)), "openid"));
    // The authorization holds all that was granted: a refresh reaches the other resource.
    let refreshed = app
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "shop"),
            ("refresh_token", userinfo.str("refresh_token")),
            ("resource", ORDERS),
        ])
        .await;
    assert_eq!((&refreshed.claims()["aud"], refreshed.str("scope")), (&json!(ORDERS), "orders:read"));

    assert_eq!(ask("https://unknown.example".to_owned(), "").await.error(), (400, "invalid_target"));
    assert_eq!(ask(format!("{ORDERS}/"), "").await.error(), (400, "invalid_target"));
    // Known, but nothing there is for this client.
    assert_eq!(ask(app.url.clone(), "").await.error(), (400, "invalid_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_sets_the_life_of_its_tokens() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sql("UPDATE resources SET token_lifetime = 120 WHERE identifier = 'https://orders.example'").await;
    let answer = app.sign_in("alice", "orders:read").await;
    assert_eq!((&answer.json["expires_in"], &answer.claims()["exp"]), (&json!(120), &json!(START + 120)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_client_authentication_is_the_default_clients() {
    let app = TestApp::new().await;
    let password = app.admin_password.clone();
    let answer = app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &password), ("scope", "openid admin")]).await;
    assert_eq!(answer.claims()["client_id"], "cli");
    let refreshed = app.token(&[("grant_type", "refresh_token"), ("refresh_token", answer.str("refresh_token"))]).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let revoked = app.post("/revoke").form(&[("token", refreshed.str("refresh_token"))]).send().await;
    assert_eq!(revoked.status, 200);

    let app = TestApp::with(|settings| settings.default_client = None).await;
    let answer = app.token(&[("grant_type", "password"), ("username", "admin"), ("password", &app.admin_password)]).await;
    assert_eq!(answer.error(), (401, "invalid_client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_other_systems_are_taken_as_they_are_and_weaker_ones_renewed() {
    let app = TestApp::with(|settings| {
        settings.argon2_memory_kib = 256;
        settings.account_attempts = 100;
    })
    .await
    .with_orders()
    .await;
    // pwdlib's recommended() of "secret password": stronger than today's parameters here, so it stays.
    let pwdlib = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$EOlXj3z9o9PCLeT0RSBGRqkq2splsxLZayq6V/951cc";
    app.add_user_with_hash("imported", &["clerk"], pwdlib.to_owned()).await;
    let weak = TestApp::new().await;
    let weak_hash = password::hash(&weak.app, PASSWORD.into()).await.unwrap();
    app.add_user_with_hash("weak", &["clerk"], weak_hash.clone()).await;
    let stored = async |username: &str| {
        signet_issuer::store::users::row(app.app.store.reader(), username).await.unwrap().unwrap().password_hash.unwrap()
    };

    assert_eq!(app.try_password("imported", "secret password", "").await.status, 200);
    assert_eq!(stored("imported").await, pwdlib);
    assert_eq!(app.try_password("weak", "wrong password", "").await.status, 400);
    assert_eq!(stored("weak").await, weak_hash);
    assert_eq!(app.sign_in("weak", "").await.status, 200);
    assert!(stored("weak").await.contains("m=256"), "{}", stored("weak").await);
    assert_eq!(app.sign_in("weak", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_leaves_one_authorization_and_one_audit_line() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sign_in("alice", "").await;
    app.try_password("alice", "wrong password", "").await;
    app.sign_in("alice", "nonsense").await;
    assert_eq!(app.count("SELECT count(*) FROM authorizations").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'authorization_given'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_cannot_be_granted_tells_nothing_of_a_disabled_user() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    assert_eq!(app.sign_in("alice", "nonsense").await.error(), (400, "invalid_scope"));
    app.disable_user("alice").await;
    assert_eq!(app.sign_in("alice", "nonsense").await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_comes_empty_for_what_was_asked() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.sql("INSERT INTO resources (id, identifier, name, created_at) VALUES ('invoices', 'https://invoices.example', 'Invoices', 0)")
        .await;
    app.sql("INSERT INTO scopes (name, resource_id, description) VALUES ('invoices:read', 'invoices', 'x')").await;
    app.sql("INSERT INTO role_scopes (role, scope) VALUES ('clerk', 'invoices:read')").await;
    app.sql("INSERT INTO client_scopes (client_id, scope) VALUES ('shop', 'invoices:read')").await;
    assert_eq!(app.sign_in("alice", "invoices:read").await.error(), (400, "invalid_scope"));
    let ask = |resource: &'static str, scope: &'static str| {
        let form = [
            ("grant_type", "password"),
            ("client_id", "shop"),
            ("username", "alice"),
            ("password", PASSWORD),
            ("resource", resource),
            ("scope", scope),
        ];
        let request = app.post("/token").form(&form);
        async move { request.send().await }
    };
    assert_eq!(ask("https://invoices.example", "orders:read").await.error(), (400, "invalid_scope"));
    let both = ask("https://invoices.example", "orders:read invoices:read").await;
    assert_eq!((both.str("scope"), &both.claims()["aud"]), ("invoices:read", &json!("https://invoices.example")));
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sign_ins_survive_the_renewal_of_their_hash() {
    let weak = password::hash(&TestApp::new().await.app, PASSWORD.into()).await.unwrap();
    let app = TestApp::with(|settings| settings.argon2_memory_kib = 4096).await.with_orders().await;
    app.add_user_with_hash("alice", &["clerk"], weak).await;
    let answers = tokio::join!(app.sign_in("alice", ""), app.sign_in("alice", ""), app.sign_in("alice", ""), app.sign_in("alice", ""));
    assert_eq!((answers.0.status, answers.1.status, answers.2.status, answers.3.status), (200, 200, 200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_password_may_be_shorter_than_what_may_be_set_today() {
    let app = TestApp::new().await.with_orders().await;
    let hash = password::hash(&app.app, "secret".into()).await.unwrap();
    app.add_user_with_hash("johndoe", &["clerk"], hash).await;
    assert_eq!(app.try_password("johndoe", "secret", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sign_ins_at_once_renew_a_weak_hash() {
    let app = TestApp::with(|settings| settings.argon2_iterations = 3).await.with_orders().await;
    // Of one pass, where three are asked for now.
    let weak = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";
    let mut output = [0; 32];
    let params = argon2::Params::new(64, 1, 1, Some(32)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon2.hash_password_into(crate::support::PASSWORD.as_bytes(), b"somesaltsomesalt", &mut output).unwrap();
    let hash = format!("{weak}{}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, output));
    app.add_user_with_hash("alice", &["clerk"], hash).await;
    for _ in 0..4 {
        let answers = crate::support::at_once((0..10).map(|_| app.sign_in("alice", "orders:read")).collect()).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 429)), "{answers:?}");
        app.advance(600);
    }
    assert_eq!(app.count("SELECT count(*) FROM users WHERE password_hash LIKE '%t=3,%' AND username = 'alice'").await, 1);
}
