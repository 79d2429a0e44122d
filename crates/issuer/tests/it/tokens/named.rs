//! `audience`, which clients of Auth0 send, counts as `resource` where no `resource` is given and it names a resource of the client.

use signet_issuer::admin::edit_resource::{self, ResourcePatch};

use crate::support::{Answer, Log, ORDERS, PASSWORD, SECRET, TestApp};

const INVOICES: &str = "https://invoices.example";
const OPEN: &str = "https://open.example";
const SCOPES: [&str; 4] = ["openid", "orders:read", "invoices:read", "offline_access"];

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource(INVOICES, &["invoices:read"], None).await;
    app.change_clerk(&["invoices:read"], &[]).await;
    app.add_client_with("web", false, "authorization_code refresh_token password client_credentials", &SCOPES, |client| {
        client.redirect_uris = vec![crate::support::CALLBACK.into()];
    })
    .await;
    app.add_resource(OPEN, &["open:read"], None).await;
    let opened = || ResourcePatch { open: Some(true), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, OPEN, opened()))).await.unwrap();
    app
}

async fn ask(app: &TestApp, form: &[(&str, &str)], more: &[(&str, &str)]) -> Answer {
    app.post("/token").basic_auth("web", SECRET).form(&[form, more].concat()).send().await
}

/// The parameters that name the resource, and the resource of the token; `None` for `invalid_target`.
type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);

const CASES: [Case; 8] = [
    (&[], Some(ORDERS)),
    (&[("audience", INVOICES)], Some(INVOICES)),
    (&[("audience", ORDERS)], Some(ORDERS)),
    (&[("audience", "https://unknown.example")], Some(ORDERS)),
    (&[("audience", "my-api")], Some(ORDERS)),
    // It is open to all clients, but the request asks for scopes of others.
    (&[("audience", OPEN)], Some(ORDERS)),
    (&[("audience", ORDERS), ("resource", INVOICES)], Some(INVOICES)),
    (&[("audience", ORDERS), ("resource", "https://unknown.example")], None),
];

fn check(what: &str, answer: &Answer, expected: Option<&str>) {
    match expected {
        Some(expected) => {
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            assert_eq!(answer.claims()["aud"], expected, "{what}");
        }
        None => assert_eq!(answer.error(), (400, "invalid_target"), "{what}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audience_is_taken_as_resource_by_every_grant() {
    let app = app().await;
    let scope = ("scope", "orders:read invoices:read");
    let browser = app.signed_in("alice").await;
    for (more, expected) in CASES {
        let what = format!("{more:?}");
        check(&what, &ask(&app, &[("grant_type", "client_credentials"), scope], more).await, expected);
        let password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), scope];
        check(&what, &ask(&app, &password, more).await, expected);
        let refresh = ask(&app, &password, &[]).await.str("refresh_token").to_owned();
        check(&what, &ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)], more).await, expected);
        // At the token endpoint, for a code that was not asked for any resource.
        let code = browser.code(&app.authorize(&[scope])).await;
        check(&what, &app.redeem(&code, more).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audience_in_the_authorization_request_bounds_what_the_code_is_for() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let scope = ("scope", "orders:read invoices:read");
    for (more, expected) in CASES {
        let Some(expected) = expected else {
            let refused = browser.get(&app.authorize(&[&[scope], more].concat())).await;
            assert_eq!(refused.reply()["error"], "invalid_target");
            continue;
        };
        let code = browser.code(&app.authorize(&[&[scope], more].concat())).await;
        check(&format!("{more:?}"), &app.redeem(&code, &[]).await, Some(expected));
    }
    let code = browser.code(&app.authorize(&[scope, ("audience", INVOICES)])).await;
    assert_eq!(app.redeem(&code, &[("audience", ORDERS)]).await.error(), (400, "invalid_target"), "the code is not for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_resource_can_be_named_by_audience_with_its_own_scope() {
    let app = app().await;
    app.change_clerk(&["open:read"], &[]).await;
    let password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    let answer = ask(&app, &password, &[("scope", "open:read orders:read"), ("audience", OPEN)]).await;
    check("its scope", &answer, Some(OPEN));
    assert_eq!(answer.json["scope"], "open:read");
}

#[test]
fn an_audience_that_is_ignored_is_logged() {
    let log = Log::default();
    log.runtime().block_on(async {
        let app = app().await;
        ask(&app, &[("grant_type", "client_credentials")], &[("audience", "my\napi")]).await;
    });
    let line = log.text().lines().find(|line| line.contains("audience is ignored")).unwrap().to_owned();
    assert!(line.contains("client=\"web\"") && line.contains("audience=\"my<U+000A>api\""), "{line}");
}
