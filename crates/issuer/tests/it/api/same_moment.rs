//! Of several requests that create the same thing at the same moment, one does so. The others are told, as later ones are, that it exists.

use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, at_once};

const AT_ONCE: usize = 6;

/// The creations of things that have unique values. In each, every `{}` stands for a name, and `{n}` for one that differs between the requests.
fn creations() -> Vec<(&'static str, Value)> {
    let user = |more: Value| {
        let mut body = json!({ "username": "user-{}-{n}" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        ("/users", json!({ "username": "user-{}" })),
        ("/users", user(json!({ "external_id": "id-{}" }))),
        ("/users", user(json!({ "email": "{}@example.com", "email_verified": true }))),
        ("/groups", json!({ "name": "group-{}" })),
        ("/groups", json!({ "name": "group-{}-{n}", "external_id": "id-{}" })),
        ("/roles", json!({ "name": "role-{}", "scopes": ["orders:read"] })),
        ("/attributes", json!({ "name": "attribute_{}", "type": "string" })),
        (
            "/clients",
            json!({ "client_id": "client-{}", "client_name": "C", "grant_types": ["client_credentials"], "scope": "orders:read" }),
        ),
        ("/presets/grafana/clients", json!({ "client_id": "preset-{}", "url": "https://g.example", "access": "everyone" })),
        ("/resources", json!({ "identifier": "https://r-{}.example", "name": "R", "scopes": [{ "name": "b-{}" }, { "name": "a-{}" }] })),
        // Only the scope is taken, which has a place in the body, so that the answer is 422.
        ("/resources", json!({ "identifier": "https://r-{}-{n}.example", "name": "R", "scopes": [{ "name": "c-{}" }] })),
        (
            "/clients/worker/claims",
            json!({ "claim": "claim_{}", "source": "user", "field": "name", "shape": "first", "in_id_token": true, "in_userinfo": true }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_another_one_overtakes_is_a_conflict() {
    let app = TestApp::administered().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let token = app.token_of("boss", "admin").await;
    for (index, (path, body)) in creations().into_iter().enumerate() {
        let text = body.to_string();
        let refused = if text.contains("\"c-{}\"") { 422 } else { 409 };
        for round in 0..3 {
            let body = |n: usize| {
                let filled = text.replace("{}", &format!("{index}-{round}").replace('-', "x")).replace("{n}", &n.to_string());
                serde_json::from_str::<Value>(&filled).unwrap()
            };
            let answers = at_once((0..AT_ONCE).map(|n| app.call("POST", path, &token, None, Some(body(n)))).collect()).await;
            let texts: Vec<_> = answers.iter().map(|answer| (answer.status, &answer.text)).collect();
            assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{path}: {texts:?}");
            assert!(answers.iter().all(|answer| [201, refused].contains(&answer.status)), "{path}: {texts:?}");
            // A later request gets the same answer.
            let made = answers.iter().position(|answer| answer.status == 201).unwrap();
            for (n, refused) in answers.iter().enumerate().filter(|(n, _)| *n != made) {
                let later = app.call("POST", path, &token, None, Some(body(n))).await;
                assert_eq!((refused.status, &refused.json), (later.status, &later.json), "{path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_what_another_one_takes_is_refused() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let mut paths = Vec::new();
    for n in 0..AT_ONCE {
        let user = app.add_user(&format!("user-{n}"), &[]).await;
        app.call("POST", "/groups", &token, None, Some(json!({ "name": format!("group-{n}") }))).await;
        app.add_resource(&format!("https://r-{n}.example"), &[], None).await;
        paths.push([format!("/users/{user}"), format!("/groups/group-{n}"), format!("/resources/https%3A%2F%2Fr-{n}.example")]);
    }
    for (index, body, refused) in [
        (0, json!({ "external_id": "same" }), 409),
        (0, json!({ "email": "same@example.com", "email_verified": true }), 409),
        (0, json!({ "username": "same" }), 409),
        (1, json!({ "external_id": "same" }), 409),
        (1, json!({ "name": "same" }), 409),
        // The scope is at fault, as the check says of a scope that another resource owned before.
        (2, json!({ "scopes": [{ "name": "same" }] }), 422),
    ] {
        let call = |n: usize| app.call("PATCH", &paths[n][index], &token, Some("*"), Some(body.clone()));
        let answers = at_once((0..AT_ONCE).map(call).collect()).await;
        let texts: Vec<_> = answers.iter().map(|answer| (answer.status, &answer.text)).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{body}: {texts:?}");
        assert!(answers.iter().all(|answer| [200, 409, refused].contains(&answer.status)), "{body}: {texts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_is_sent_twice_at_once_adds_once_and_says_so() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    for (path, typed) in [
        ("/admin/users/new", vec![("username", "dora")]),
        (
            "/admin/clients/new",
            vec![
                ("client_id", "dora"),
                ("client_name", "D"),
                ("grant_types", "client_credentials"),
                ("scope", "orders:read"),
                ("access", "everyone"),
            ],
        ),
    ] {
        let form = browser.get(&if path.contains("clients") { format!("{path}?preset=none") } else { path.to_owned() }).await;
        let asked = browser.submit(&form, path, &typed).await;
        assert!(asked.text.contains("confirm_password"), "{path}: {}", asked.text);
        let confirm = || browser.submit(&asked, path, &[("confirm_password", PASSWORD)]);
        let answers = at_once((0..2).map(|_| confirm()).collect()).await;
        let mut headings: Vec<_> = answers.iter().map(|answer| (answer.status, answer.heading())).collect();
        headings.sort_unstable();
        let added = if path.contains("clients") { "D was added" } else { "Added dora" };
        let mut expected = [(200, added), (200, "dora was added already")];
        expected.sort_unstable();
        assert_eq!(headings, expected, "{path}: {}", answers[1].text);
    }
}

/// Whoever was second must not take what somebody else has added for their own.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_administrator_has_added_is_told_as_taken() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    for (path, typed, kept) in [
        ("/admin/users/new", vec![("username", "dora"), ("name", "Dora Maar"), ("email", "dora@x.example")], "value=\"Dora Maar\""),
        (
            "/admin/clients/new",
            vec![
                ("client_id", "till"),
                ("client_name", "My shop"),
                ("grant_types", "client_credentials"),
                ("scope", "orders:read"),
                ("access", "everyone"),
            ],
            "value=\"My shop\"",
        ),
    ] {
        let form = browser.get(&if path.contains("clients") { format!("{path}?preset=none") } else { path.to_owned() }).await;
        let asked = browser.submit(&form, path, &typed).await;
        assert!(asked.text.contains("confirm_password"), "{path}: {}", asked.text);
        if path.contains("clients") {
            app.add_client("till", false, "client_credentials", &[]).await;
        } else {
            app.add_user("dora", &[]).await;
        }
        let refused = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
        assert!(refused.status == 400 && refused.text.contains(kept), "{path}: {} {}", refused.status, refused.text);
    }
}
