//! A body that is no good form is refused; parameters that are unknown or empty do no harm.

use crate::support::{Answer, PASSWORD, TestApp};

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
async fn a_body_that_is_not_a_good_form_is_refused() {
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
async fn only_the_content_type_of_forms_is_accepted() {
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
