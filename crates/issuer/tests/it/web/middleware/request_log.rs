//! The log line of a refused request says what an operator needs: the error code, the client and the reason, and no secret.

use crate::support::{Log, PASSWORD, SECRET, TestApp, VERIFIER};
use serde_json::json;

/// Returns the log line of the last refused request.
fn last(log: &Log) -> String {
    log.text().lines().rfind(|line| line.contains("request_log: ") && line.contains("INFO")).unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_said(log: &Log, error: &str, client: &str, reason: &str) {
    let line = last(log);
    for part in [format!("error=\"{error}\""), format!("client=\"{client}\""), format!("reason=\"{reason}")] {
        assert!(line.contains(&part), "{part}: {line}\n{}", log.text());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "most lines are a table of requests with what is logged about each")]
fn a_refused_request_is_logged_with_its_error_client_and_reason() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = tokio::spawn(async {
            let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
            app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
            app
        });
        let app = app.await.unwrap();
        let of_web = |form: &[(&str, &str)]| app.post("/token").basic_auth("web", SECRET).form(form);
        let tokens = app.sign_in("alice", "").await;
        let refresh_token = tokens.str("refresh_token").to_owned();
        let browser = app.browser();
        let code = browser.code(&app.authorize(&[])).await;
        let wrong = VERIFIER.replace('d', "e");
        let redeem = |verifier: &str| {
            let callback = crate::support::CALLBACK;
            let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", callback), ("code_verifier", verifier)];
            app.post("/token").basic_auth("web", SECRET).form(&form)
        };
        for (request, error, client, reason) in [
            (
                app.post("/token").basic_auth("worker", "wrong").form(&[("grant_type", "client_credentials")]),
                "invalid_client",
                "worker",
                "the client secret is wrong",
            ),
            (
                app.post("/token").form(&[("grant_type", "client_credentials"), ("client_id", "nobody")]),
                "invalid_client",
                "nobody",
                "there is no client with this id",
            ),
            (
                app.post("/token").form(&[("grant_type", "refresh_token"), ("client_id", "web")]),
                "invalid_client",
                "web",
                "the client is confidential",
            ),
            (
                app.post("/token").form(&[("grant_type", "magic"), ("client_id", "shop")]),
                "unsupported_grant_type",
                "shop",
                "grant_type: expected one of",
            ),
            (app.post("/token").form(&[("client_id", "shop")]), "invalid_request", "shop", "grant_type: expected one of"),
            (
                app.post("/token").basic_auth("worker", SECRET).form(&[("grant_type", "password")]),
                "unauthorized_client",
                "worker",
                "grant_type: this client is not registered for password",
            ),
            (
                of_web(&[("grant_type", "refresh_token"), ("refresh_token", "nonsense")]),
                "invalid_grant",
                "web",
                "this is no refresh token of this issuer",
            ),
            (
                of_web(&[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]),
                "invalid_grant",
                "web",
                "the refresh token belongs to another client",
            ),
            (
                of_web(&[("grant_type", "authorization_code"), ("code", "nonsense"), ("redirect_uri", "x")]),
                "invalid_grant",
                "web",
                "there is no such code",
            ),
            (redeem(&wrong), "invalid_grant", "web", "code_verifier does not fit the code_challenge"),
            (
                app.post("/introspect").basic_auth("worker", "wrong").form(&[("token", "x")]),
                "invalid_client",
                "worker",
                "the client secret is wrong",
            ),
            (app.post("/revoke").form(&[("client_id", "shop")]), "invalid_request", "shop", "token: expected a token; found none"),
            // The client is known even where the form cannot be read.
            (
                app.post("/token").basic_auth("worker", "wrong").form(&[("scope", "a"), ("scope", "b")]),
                "invalid_request",
                "worker",
                "scope: expected once",
            ),
            (
                app.post("/token").form(&[("client_id", "shop"), ("username", "a"), ("username", "b")]),
                "invalid_request",
                "shop",
                "username: expected once",
            ),
            (app.post("/revoke").basic_auth("worker", "wrong").json(&json!({})), "invalid_request", "worker", "Content-Type"),
            (app.get("/userinfo").bearer("nonsense"), "invalid_token", "", "the token is no signed JWT"),
            (app.post("/register").raw("{}"), "invalid_token", "", ""),
            (app.post("/register").bearer("nonsense").raw("{}"), "invalid_token", "", "the token is no initial access token"),
        ] {
            request.send().await;
            assert_said(&log, error, client, reason);
        }
        let form =
            [("grant_type", "password"), ("client_id", "shop"), ("username", "my-secret-typed-as-a-name"), ("password", "wrong-password")];
        app.token(&form).await;
        assert_said(&log, "invalid_grant", "shop", "the username or the password is wrong");
        app.post("/end_session").basic_auth("web", "wrong").form(&[("id_token_hint", "x")]).send().await;
        assert_said(&log, "invalid_client", "web", "");
        assert_eq!(redeem(VERIFIER).send().await.status, 200);
        redeem(VERIFIER).send().await;
        assert_said(&log, "invalid_grant", "web", "the code was used before");

        let all = log.text();
        for secret in [
            SECRET,
            PASSWORD,
            &refresh_token,
            &code,
            tokens.str("access_token"),
            "wrong-password",
            "my-secret-typed-as-a-name",
            "the state",
        ] {
            assert!(!all.contains(secret), "{secret}");
        }
    });
}

/// The holder of a bad token learns only that it is bad, and the operator what is wrong with it.
#[test]
fn a_refused_access_token_is_logged_with_its_client_and_what_is_wrong_with_it() {
    let log = Log::default();
    log.runtime().block_on(async {
        let prepared = async { TestApp::administered().await.with_user("alice").await.with_web().await };
        let app = tokio::spawn(prepared).await.unwrap();
        let tokens = app.sign_in("alice", "openid orders:read").await;
        let (access, refresh) = (tokens.str("access_token").to_owned(), tokens.str("refresh_token").to_owned());
        let of_orders = app.sign_in("alice", "orders:read").await.str("access_token").to_owned();
        let id_token = tokens.str("id_token").to_owned();
        let (head, signature) = access.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{first}{}", &signature[1..]);
        let sent = async |path: &str, token: &str| app.get(path).bearer(token).send().await.status;
        let (userinfo, api, ssf) = ("/userinfo", "/api/v1/users", "/ssf/streams");
        for path in [userinfo, api, ssf] {
            assert_eq!(sent(path, &forged).await, 401);
            assert_said(&log, "invalid_token", "", "none of the keys of this issuer made the signature of the token");
            assert_eq!(sent(path, &id_token).await, 401);
            assert_said(&log, "invalid_token", "", "the token is no access token");
            assert_eq!(sent(path, &refresh).await, 401);
            assert_said(&log, "invalid_token", "shop", "a refresh token was sent in place of an access token");
        }
        for path in [api, ssf] {
            assert_eq!(sent(path, &of_orders).await, 401);
            assert_said(&log, "invalid_token", "shop", "the access token was made for another resource");
        }
        assert_eq!(sent(userinfo, &of_orders).await, 403);
        assert_said(&log, "insufficient_scope", "shop", "the access token lacks the scope openid");
        app.post("/revoke").form(&[("client_id", "shop"), ("token", &refresh)]).send().await;
        assert_eq!(sent(userinfo, &access).await, 401);
        assert_said(&log, "invalid_token", "shop", "the authorization or the session that it needs has ended");
        app.advance(3601);
        assert_eq!(sent(userinfo, &access).await, 401);
        assert_said(&log, "invalid_token", "shop", "the access token has expired");
        for token in [&access, &refresh, &id_token, &of_orders] {
            assert!(!log.text().contains(token.as_str()), "{token}");
        }
    });
}

#[test]
fn a_form_or_a_request_of_an_administrator_that_is_refused_is_logged_with_its_error_client_and_reason() {
    let log = Log::default();
    log.runtime().block_on(async {
        let prepared = async { TestApp::administered().await.with_user("alice").await.with_web().await };
        let app = tokio::spawn(prepared).await.unwrap();
        let browser = app.browser();
        let page = browser.get(&app.authorize(&[])).await;
        let again = browser.sign_in(&page, "alice", "wrong-password").await;
        assert_said(&log, "invalid_grant", "web", "the username or the password is wrong");
        let page = browser.sign_in(&again, "alice", PASSWORD).await;
        browser.submit(&page, "/consent", &[("choice", "perhaps")]).await;
        assert_said(&log, "forbidden", "web", "This page can no longer be used");
        let consent = page.hidden("/consent");
        let request = page.request("/consent");
        // The request has waited for too long, and later it is gone.
        app.advance(3601);
        browser.get_once(&format!("/authorize/resume?request={request}")).await;
        assert_said(&log, "invalid_request", "web", "This page was open for too long");
        let fields: Vec<(&str, &str)> = consent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post_once("/consent", &[&fields[..], &[("choice", "allow")]].concat()).await;
        assert_said(&log, "invalid_request", "web", "This page was open for too long");
        app.sql("DELETE FROM waiting_requests").await;
        browser.get_once(&format!("/authorize/resume?request={request}")).await;
        assert_said(&log, "invalid_request", "web", "");
        // The password of an account.
        let page = browser.get("/account/password").await;
        let passwords = [("current_password", "wrong-password"), ("new_password", "a new long one"), ("repeat_password", "a new long one")];
        browser.submit(&page, "/account/password", &passwords).await;
        assert_said(&log, "invalid_grant", "", "the username or the password is wrong");
        browser
            .submit(&page, "/account/password", &[("current_password", PASSWORD), ("new_password", "a"), ("repeat_password", "b")])
            .await;
        assert_said(&log, "invalid_request", "", "the two new passwords differ");
        browser
            .submit(&page, "/account/password", &[("current_password", PASSWORD), ("new_password", "a"), ("repeat_password", "a")])
            .await;
        assert_said(&log, "invalid_request", "", "new_password: expected 8 to 256 characters");
        for _ in 0..20 {
            browser.submit(&page, "/account/password", &passwords).await;
        }
        assert_said(&log, "temporarily_unavailable", "", "too many attempts");
        // The REST API.
        let token = app.token_of("boss", "openid admin:read").await;
        for (method, path, error, reason) in [
            ("GET", "/api/v1/users/5f0c6f1e-4b3e-4a3f-8f6e-2f5b8d1c9a70", "not_found", "there is no user"),
            ("GET", "/api/v1/nothing", "not_found", "there is nothing at this path"),
            ("PUT", "/api/v1/users", "method_not_allowed", ""),
            ("DELETE", "/api/v1/groups/staff", "insufficient_scope", ""),
            ("GET", "/api/v1/users?limit=zzz", "invalid_request", "the query is not valid; errors lists what is wrong (limit)"),
        ] {
            let request = app.http.request(method.parse().unwrap(), format!("{}{path}", app.url)).bearer_auth(&token);
            request.header("if-match", "*").send().await.unwrap();
            let routed = !["/api/v1/nothing"].contains(&path) && method != "PUT";
            assert_said(&log, error, if routed { "cli" } else { "" }, reason);
        }
        for secret in [PASSWORD, "wrong-password", "a new long one", &token] {
            assert!(!log.text().contains(secret), "{secret}");
        }
    });
}

#[test]
fn a_refused_authorization_request_is_logged_however_it_is_answered() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = tokio::spawn(async { TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await }).await.unwrap();
        let browser = app.browser();
        // A page, a redirect and a form that the browser posts to the client.
        browser.get_once(&app.authorize(&[("redirect_uri", "https://evil.example/")])).await;
        assert!(last(&log).contains("client=\"web\"") && last(&log).contains("redirect"), "{}", last(&log));
        for (more, reason) in [
            ("&client_id=web", "client_id: expected the id of the client; found several"),
            ("&redirect_uri=https://x.example/", "redirect_uri: expected a redirect URI of the client; found several"),
        ] {
            browser.get_once(&format!("{}{more}", app.authorize(&[]))).await;
            assert_said(&log, "invalid_request", if more.contains("redirect") { "web" } else { "" }, reason);
        }
        let page = browser.get_once(&app.authorize(&[])).await;
        browser.sign_in_with(&page, "alice", ("origin", "https://front.example")).await;
        assert_said(
            &log,
            "forbidden",
            "",
            "the form came from a page of another site; expected the origin of the issuer in Origin; found https://front",
        );
        for mode in ["query", "form_post"] {
            let before = log.text().matches("INFO").count();
            browser.get_once(&app.authorize(&[("response_type", "token"), ("response_mode", mode)])).await;
            assert_said(&log, "unsupported_response_type", "web", "");
            assert_eq!(log.text().matches("INFO").count(), before + 1, "one line for one request: {}", log.text());
        }
        app.browser().get_once(&app.authorize(&[("prompt", "none")])).await;
        assert_said(&log, "login_required", "web", "");
        // What a stranger sends cannot forge a line or fill the log.
        app.get(&format!("/authorize?client_id=a%0Ab{}", "c".repeat(1000))).send().await;
        assert!(last(&log).contains(&format!("client=\"ab{}\"", "c".repeat(98))), "{}", last(&log));
        // The person refuses.
        let page = browser.get(&app.authorize(&[])).await;
        let page = browser.sign_in(&page, "alice", PASSWORD).await;
        browser.submit(&page, "/consent", &[("choice", "deny")]).await;
        assert_said(&log, "access_denied", "web", "the user did not allow the request");
        app.disable_client("web").await;
        let page = browser.get_once(&app.authorize(&[])).await;
        assert!(page.text.contains("no such client"), "{}", page.text);
        assert_said(&log, "invalid_request", "web", "the client is disabled");
        assert!(!log.text().contains("the state") && !log.text().contains("the-nonce"), "{}", log.text());
    });
}

#[test]
fn a_refused_redirect_uri_is_logged_as_the_page_shows_it() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = tokio::spawn(async { TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await }).await.unwrap();
        let browser = app.browser();
        let long = format!("https://shop.example/{}", "x".repeat(3000));
        let said = |name: &str| format!("{name}: {}... is not registered; add it to the {name}s of the client web", &long[..300]);
        browser.get(&app.authorize(&[("redirect_uri", &long)])).await;
        assert_said(&log, "invalid_request", "web", &said("redirect_uri"));
        let origin = app.url.clone();
        let form = [("client_id", "web"), ("redirect_uri", long.as_str())];
        browser.post_with("/authorize", &form, ("origin", &origin)).await;
        assert_said(&log, "invalid_request", "web", &said("redirect_uri"));
        // A fault of a logout request is logged in the same way, whether somebody is signed in or not.
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "web"), ("post_logout_redirect_uri", &long)])
            .finish();
        let logout = format!("/end_session?{query}");
        for browser in [app.browser(), app.signed_in("alice").await] {
            browser.get(&logout).await;
            assert_said(&log, "invalid_request", "web", &said("post_logout_redirect_uri"));
        }
        browser.get("/end_session?client_id=nobody").await;
        assert_said(&log, "invalid_request", "nobody", "client_id: no such client");
    });
}
