//! Bad requests to the token endpoint: repeated, empty, huge, of the wrong form, by the wrong person.

use crate::support::{Answer, PASSWORD, SECRET, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("confidential", false, "password client_credentials", &["orders:read"]).await;
    app
}

async fn raw(app: &TestApp, body: impl Into<reqwest::Body>) -> Answer {
    app.post("/token").raw(body).send().await
}

fn assert_is_oauth_error(answer: &Answer) {
    let description = answer.str("error_description");
    assert!(description.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{description}");
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("application/json", "no-store"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_good_form() {
    let app = app().await;
    let long = format!("grant_type=password&username={}", "x".repeat(70_000));
    for (body, expected) in [
        ("", (400, "invalid_request")),
        ("grant_type=", (400, "invalid_request")),
        ("grant_type=password", (400, "invalid_request")),
        ("grant_type=password&grant_type=password", (400, "invalid_request")),
        ("grant_type=password&unknown=1&unknown=2&username=a&password=b", (400, "invalid_request")),
        ("grant_type=password&username=alice&password=", (400, "invalid_request")),
        ("grant_type=password&username=%ff&password=x", (400, "invalid_request")),
        ("grant_type=password&username=%zz&password=x", (400, "invalid_request")),
        ("grant_type=password&username=a%00b&password=x", (400, "invalid_request")),
        ("grant_type=nonsense", (400, "unsupported_grant_type")),
        ("grant_type=PASSWORD", (400, "unsupported_grant_type")),
        ("grant_type=implicit", (400, "unsupported_grant_type")),
        ("grant_type=authorization_code&code=x&client_id=shop", (400, "unauthorized_client")),
        ("client_assertion=x&client_assertion_type=y&grant_type=client_credentials", (400, "invalid_request")),
        ("client_assertion_type=y&grant_type=client_credentials", (400, "invalid_request")),
        ("grant_type=refresh_token&client_id=shop", (400, "invalid_request")),
        ("grant_type=password&client_id=nobody&username=a&password=b", (401, "invalid_client")),
        ("grant_type=client_credentials&client_id=confidential", (401, "invalid_client")),
        ("grant_type=client_credentials&client_secret=x", (400, "invalid_request")),
        (&long, (413, "invalid_request")),
    ] {
        let answer = raw(&app, body.to_owned()).await;
        assert_eq!(answer.error(), expected, "{body:.60}");
        assert_is_oauth_error(&answer);
    }
    let answer = raw(&app, b"grant_type=password&username=\xff&password=x".to_vec()).await;
    assert_eq!(answer.error(), (400, "invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_empty_parameters_do_no_harm() {
    let app = app().await;
    let body =
        format!("grant_type=password&client_id=shop&username=alice&password={}&scope=&resource=&unknown=1&=x", PASSWORD.replace(' ', "+"));
    assert_eq!(raw(&app, body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_types() {
    let app = app().await;
    let send = |content_type: &'static str| {
        let request = app.http.post(format!("{}/token", app.url)).body("grant_type=nonsense");
        async move {
            let request = if content_type.is_empty() { request } else { request.header("content-type", content_type) };
            Answer::of(request.send().await.unwrap()).await
        }
    };
    for wrong in ["", "application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencodedx"] {
        assert_eq!(send(wrong).await.error(), (400, "invalid_request"), "{wrong}");
    }
    for right in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        assert_eq!(send(right).await.error(), (400, "unsupported_grant_type"), "{right}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_from_the_url() {
    let app = app().await;
    for query in ["client_secret=x", "grant_type=password", "password=x&username=alice", "refresh_token=x"] {
        let answer = app
            .post(&format!("/token?{query}"))
            .form(&[("grant_type", "client_credentials")])
            .basic_auth("confidential", SECRET)
            .send()
            .await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{query}");
    }
    let get = app.get("/token").send().await;
    assert_eq!((get.error(), get.header("allow")), ((405, "invalid_request"), "POST"));
    let page = app.get("/token").header("accept", "text/html").send().await;
    assert_eq!((page.status, page.header("allow"), page.header("content-type")), (405, "POST", "text/html; charset=utf-8"));
    let nothing = app.get("/nothing").send().await;
    assert_eq!((nothing.error(), nothing.header("cache-control")), ((404, "not_found"), "no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_of_client_authentication_at_a_time() {
    let app = app().await;
    let form = [("grant_type", "client_credentials")];
    let post = [("grant_type", "client_credentials"), ("client_id", "confidential"), ("client_secret", SECRET)];
    assert_eq!(app.post("/token").form(&form).basic_auth("confidential", SECRET).send().await.status, 200);
    assert_eq!(app.token(&post).await.status, 200);
    let both = app.post("/token").form(&post).basic_auth("confidential", SECRET).send().await;
    assert_eq!(both.error(), (400, "invalid_request"));
    let two_headers = app.post("/token").form(&form).basic_auth("confidential", SECRET).basic_auth("confidential", SECRET).send().await;
    assert_eq!(two_headers.error(), (400, "invalid_request"));
    let other_id = [("grant_type", "client_credentials"), ("client_id", "shop")];
    assert_eq!(app.post("/token").form(&other_id).basic_auth("confidential", SECRET).send().await.error(), (400, "invalid_request"));
    let same_id = [("grant_type", "client_credentials"), ("client_id", "confidential")];
    assert_eq!(app.post("/token").form(&same_id).basic_auth("confidential", SECRET).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_always_checked() {
    let app = app().await;
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    for (id, secret) in [("confidential", "wrong"), ("shop", "anything"), ("nobody", SECRET), ("cli", SECRET), ("confidential", "")] {
        let answer = app.post("/token").form(&form).basic_auth(id, secret).send().await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{id}");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    // An empty secret is none: good for who needs none.
    assert_eq!(app.post("/token").form(&form).basic_auth("shop", "").send().await.status, 200);
    for header in ["Basic", "Basic !!!", "Bearer x", "Basic Og==", "Basic YWJj"] {
        let answer = app.post("/token").form(&form).header("authorization", header).send().await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_credentials_are_form_encoded() {
    let app = app().await;
    app.add_client("with.dot", false, "client_credentials", &["orders:read"]).await;
    let hash = signet_issuer::oauth::secret::hash("with+plus");
    assert!(signet_issuer::store::clients::rotate_secret(app.app.store.writer(), "with.dot", &hash, true).await.unwrap());
    let form = [("grant_type", "client_credentials")];
    assert_eq!(app.post("/token").form(&form).basic_auth("with%2Edot", "with%2Bplus").send().await.status, 200);
    assert_eq!(app.post("/token").form(&form).basic_auth("with.dot", "with+plus").send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_good_at_once() {
    let app = app().await;
    let hash = |secret: &str| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes()).as_ref().to_vec();
    let try_secret = async |secret: &str| {
        app.post("/token").form(&[("grant_type", "client_credentials")]).basic_auth("confidential", secret).send().await.status
    };
    let rotate = async |secret: &str, drop: bool| {
        signet_issuer::store::clients::rotate_secret(app.app.store.writer(), "confidential", &hash(secret), drop).await.unwrap()
    };
    assert!(rotate("second", false).await);
    assert_eq!((try_secret(SECRET).await, try_secret("second").await), (200, 200));
    assert!(rotate("third", false).await);
    assert_eq!((try_secret(SECRET).await, try_secret("second").await, try_secret("third").await), (401, 200, 200));
    assert!(rotate("fourth", true).await);
    assert_eq!((try_secret("third").await, try_secret("fourth").await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_forging_and_odd_names_are_just_wrong_credentials() {
    let app = app().await;
    for username in ["a\r\nINFO forged", "\u{1b}[31m", "{\"a\":1}", "<script>", "\u{202e}ecila"] {
        assert_eq!(app.try_password(username, PASSWORD, "").await.error(), (400, "invalid_grant"));
    }
}
