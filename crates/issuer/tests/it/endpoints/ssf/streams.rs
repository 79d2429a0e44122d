//! The metadata, and the life of a stream with every refusal (SSF 1.0, "Event Stream Management").

use reqwest::Method;
use serde_json::{Value, json};
use signet_issuer::signals::streams::MOST_STREAMS;

use super::{CREDENTIAL_CHANGE, Hub, SESSION_REVOKED, send, token};
use crate::support::{Answer, SECRET, TestApp, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_stand_before_the_path_of_the_issuer() {
    let plain = TestApp::new().await;
    let tenant = TestApp::with(|settings| settings.issuer = format!("{}/tenant/a", settings.issuer).try_into().unwrap()).await;
    for app in [plain, tenant] {
        let (issuer, path) = (&app.app.settings.issuer, app.app.settings.issuer.path());
        let root = app.url.strip_suffix(path).unwrap();
        let answer = app.http.get(format!("{root}/.well-known/ssf-configuration{path}")).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        let metadata: Value = answer.json().await.unwrap();
        assert_eq!(metadata["issuer"], issuer.as_str());
        assert_eq!(metadata["spec_version"], "1_0");
        assert_eq!(metadata["authorization_schemes"], json!([{ "spec_urn": "urn:ietf:rfc:6749" }]));
        assert_eq!(metadata["delivery_methods_supported"], json!(["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]));
        assert_eq!(metadata["default_subjects"], "ALL");
        assert_eq!(app.http.get(metadata["jwks_uri"].as_str().unwrap()).send().await.unwrap().status(), 200);
        for (name, refusal) in [
            ("configuration_endpoint", 401),
            ("status_endpoint", 401),
            ("add_subject_endpoint", 405),
            ("remove_subject_endpoint", 405),
            ("verification_endpoint", 405),
        ] {
            let found = app.http.get(metadata[name].as_str().unwrap()).send().await.unwrap();
            assert_eq!(found.status(), refusal, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_made_read_changed_and_removed() {
    let hub = Hub::new().await;
    assert_eq!(hub.get("/ssf/streams").await.json, json!([]));
    let made = hub.post("/ssf/streams", json!({ "events_requested": [SESSION_REVOKED, "urn:unknown"], "description": "First" })).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.text);
    let id = made.str("stream_id").to_owned();
    let expected = json!({
        "stream_id": id, "iss": hub.app.url, "aud": "hub", "description": "First",
        "delivery": { "method": "urn:ietf:rfc:8936", "endpoint_url": format!("{}/ssf/poll/{id}", hub.app.url) },
        "events_supported": [SESSION_REVOKED, CREDENTIAL_CHANGE], "events_requested": [SESSION_REVOKED, "urn:unknown"],
        "events_delivered": [SESSION_REVOKED], "min_verification_interval": 60,
    });
    assert_eq!(made.json, expected);
    let one = format!("/ssf/streams?stream_id={id}");
    assert_eq!(hub.get(&one).await.json, expected);
    assert_eq!(hub.get("/ssf/streams").await.json, json!([expected]));

    // A change keeps what it does not name; what the issuer chooses may be repeated.
    let body = json!({ "stream_id": id, "iss": hub.app.url, "aud": "hub", "events_delivered": [SESSION_REVOKED], "events_requested": [CREDENTIAL_CHANGE] });
    let changed = hub.send(Method::PATCH, "/ssf/streams", &body).await;
    assert_eq!((changed.status, &changed.json["events_delivered"]), (200, &json!([CREDENTIAL_CHANGE])), "{}", changed.text);
    assert_eq!(changed.json["description"], "First");
    assert_eq!(hub.get(&one).await.json, changed.json);
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("web")),
        ("events_supported", json!([])),
        ("min_verification_interval", json!(1)),
    ] {
        for method in [Method::PATCH, Method::PUT] {
            let answer = hub.send(method, "/ssf/streams", &json!({ "stream_id": id, name: value })).await;
            assert_eq!(answer.error(), (400, "invalid_request"), "{name}");
        }
    }
    // A replacement drops what it does not name.
    let replaced = hub.send(Method::PUT, "/ssf/streams", &json!({ "stream_id": id, "events_requested": [SESSION_REVOKED] })).await;
    assert_eq!((replaced.status, replaced.json.get("description")), (200, None), "{}", replaced.text);
    assert_eq!(replaced.json["events_delivered"], json!([SESSION_REVOKED]));
    // What was read can be sent back as it is.
    assert_eq!(hub.send(Method::PUT, "/ssf/streams", &replaced.json).await.json, replaced.json);

    let removed = hub.send(Method::DELETE, &one, &Value::Null).await;
    assert_eq!((removed.status, removed.text.as_str()), (204, ""));
    assert_eq!(hub.send(Method::DELETE, &one, &Value::Null).await.error(), (404, "not_found"));
    assert_eq!(hub.get(&one).await.error(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_wrong_is_refused() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    let long = "x".repeat(3000);
    for body in [
        json!([]),
        json!({ "events_requested": "all" }),
        json!({ "events_requested": [1] }),
        json!({ "events_requested": vec![SESSION_REVOKED; 51] }),
        json!({ "events_requested": [long] }),
        json!({ "description": 1 }),
        json!({ "delivery": "push" }),
        json!({ "delivery": {} }),
        json!({ "delivery": { "method": "urn:ietf:rfc:1149" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8936", "endpoint_url": "https://app.example/events" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": "http://app.example/events" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": "https://me@app.example/events" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": format!("https://app.example/{long}") } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/", "authorization_header": "a\r\nb" } }),
        json!({ "delivery": { "method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/", "authorization_header": 1 } }),
    ] {
        assert_eq!(hub.post("/ssf/streams", body.clone()).await.error(), (400, "invalid_request"), "{body}");
    }
    let body = async |types: &[&str], body: &str| {
        let request = hub.app.http.post(format!("{}/ssf/streams", hub.app.url)).bearer_auth(&hub.token).body(body.to_owned());
        let request = types.iter().fold(request, |request, name| request.header("content-type", *name));
        Answer::of(request.send().await.unwrap()).await
    };
    assert_eq!(body(&["application/json"], "{").await.error(), (400, "invalid_request"));
    assert_eq!(body(&["application/json"], &" ".repeat(70_000)).await.status, 413);
    for wrong in [
        &["application/x-www-form-urlencoded"][..],
        &["text/plain"],
        &["application/json", "text/plain"],
        &["multipart/form-data"],
        &["json"],
    ] {
        let refused = body(wrong, "{}").await;
        assert_eq!(refused.error(), (400, "invalid_request"), "{wrong:?}");
        assert!(refused.text.contains("Content-Type: expected application/json"), "{}", refused.text);
    }
    for right in [&["application/json; charset=utf-8"][..], &["Application/JSON"], &["application/merge-patch+json"], &[], &[""]] {
        assert_eq!(body(right, "{}").await.status, 201, "{right:?}");
    }
    for path in ["/ssf/status", "/ssf/verify", "/ssf/subjects/add", "/ssf/subjects/remove"] {
        let whole =
            |id: Value| json!({ "stream_id": id, "status": "paused", "subject": { "format": "email", "email": "alice@example.com" } });
        assert_eq!(hub.post(path, whole(Value::Null)).await.error(), (400, "invalid_request"), "{path}");
        assert_eq!(hub.post(path, whole("x".into())).await.error(), (404, "not_found"), "{path}");
    }
    assert_eq!(hub.get("/ssf/status").await.error(), (400, "invalid_request"));
    assert_eq!(hub.get("/ssf/status?stream_id=x").await.error(), (404, "not_found"));
    assert_eq!(hub.post("/ssf/status", json!({ "stream_id": id, "status": "asleep" })).await.error(), (400, "invalid_request"));
    for subject in [
        Value::Null,
        json!({ "format": "phone_number", "phone": "+12065550100" }),
        json!({ "format": "catalog_item", "catalog_id": "x" }),
        json!({ "format": "aliases", "identifiers": [] }),
        json!({ "format": "aliases", "identifiers": [{ "format": "aliases", "identifiers": [{ "format": "opaque", "id": "x" }] }] }),
        json!({ "format": "aliases", "identifiers": vec![json!({ "format": "opaque", "id": "x" }); 21] }),
        json!({ "format": "complex" }),
        json!({ "format": "complex", "user": "alice" }),
        json!({ "format": "complex", "user": { "format": "complex", "user": { "format": "opaque", "id": "x" } } }),
        json!({ "format": "ip-addresses", "ip-addresses": [] }),
        json!({ "format": "email" }),
        json!({ "format": "email", "email": "" }),
        // RFC 9493 §3: no member of a subject identifier may be null.
        json!({ "format": "email", "email": null }),
        json!({ "format": "email", "email": "a@example.com", "sub": null }),
        json!({ "format": null, "email": "a@example.com" }),
        json!({ "format": "iss_sub", "iss": "https://id.example", "sub": null }),
        json!({ "format": "complex", "user": { "format": "opaque", "id": "x" }, "session": null }),
        json!({ "format": "aliases", "identifiers": [null] }),
        json!({ "format": "email", "email": "a@example.com", "sub": "x" }),
        json!({ "format": "iss_sub", "iss": "https://id.example" }),
    ] {
        for path in ["/ssf/subjects/add", "/ssf/subjects/remove"] {
            assert_eq!(hub.post(path, json!({ "stream_id": id, "subject": subject })).await.error(), (400, "invalid_request"), "{subject}");
        }
    }
    let own = json!({ "stream_id": id, "subject": { "format": "opaque", "id": id } });
    assert_eq!(hub.post("/ssf/subjects/add", own.clone()).await.status, 200);
    assert_eq!(hub.post("/ssf/subjects/remove", own).await.error(), (403, "access_denied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_null_counts_as_absent_or_as_the_default() {
    let hub = Hub::new().await;
    let all = json!({ "events_requested": null, "delivery": null, "description": null, "iss": null, "aud": null });
    let made = hub.post("/ssf/streams", all).await;
    assert_eq!((made.status, &made.json["events_requested"]), (201, &json!([])), "{}", made.text);
    let id = made.str("stream_id").to_owned();
    let header = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/", "authorization_header": null });
    let patch =
        json!({ "stream_id": id, "delivery": header, "description": "Night shift", "iss": null, "events_requested": [SESSION_REVOKED] });
    assert_eq!(hub.send(Method::PATCH, "/ssf/streams", &patch).await.status, 200);
    for method in [Method::PATCH, Method::PUT] {
        let nulls = json!({ "stream_id": id, "delivery": null, "description": null, "events_requested": null, "aud": null });
        let changed = hub.send(method, "/ssf/streams", &nulls).await;
        let expected = (200, &json!("urn:ietf:rfc:8936"), &json!([]), None);
        let members = (&changed.json["delivery"]["method"], &changed.json["events_requested"], changed.json.get("description"));
        assert_eq!((changed.status, members.0, members.1, members.2), expected, "{}", changed.text);
        hub.send(Method::PATCH, "/ssf/streams", &patch).await;
    }
    hub.send(Method::PATCH, "/ssf/streams", &json!({ "stream_id": id, "delivery": null })).await;
    assert_eq!(hub.post("/ssf/status", json!({ "stream_id": id, "status": "enabled", "reason": null })).await.status, 200);
    assert_eq!(hub.post("/ssf/verify", json!({ "stream_id": id, "state": null })).await.status, 204);
    let nobody = json!({ "stream_id": id, "subject": { "format": "opaque", "id": "x" }, "verified": null });
    assert_eq!(hub.post("/ssf/subjects/add", nobody).await.status, 200);
    let poll = json!({ "maxEvents": null, "returnImmediately": null, "ack": null, "setErrs": null });
    assert_eq!(hub.poll(&id, poll).await.json["sets"].as_object().unwrap().len(), 1);
    for member in ["stream_id", "status"] {
        let mut body = json!({ "stream_id": id, "status": "enabled" });
        body[member] = Value::Null;
        assert_eq!(hub.post("/ssf/status", body).await.error(), (400, "invalid_request"), "{member}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_of_the_client_itself_with_the_scope_is_accepted() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    let app = &hub.app;
    let reads = token(app, "hub", "ssf.read").await;
    let (stream, status) = (format!("/ssf/streams?stream_id={id}"), format!("/ssf/status?stream_id={id}"));
    for path in [&stream, &status] {
        assert_eq!(send(app, &reads, Method::GET, path, &Value::Null).await.status, 200);
        let bare = app.get(path).send().await;
        assert_eq!(bare.error(), (401, "invalid_token"));
        assert_eq!(bare.header("www-authenticate"), format!("Bearer realm=\"{}\", scope=\"ssf.read\"", app.url));
        assert_eq!(send(app, &format!("{reads}x"), Method::GET, path, &Value::Null).await.error(), (401, "invalid_token"));
    }
    let poll = json!({ "returnImmediately": true });
    assert_eq!(send(app, &reads, Method::POST, &format!("/ssf/poll/{id}"), &poll).await.status, 200);
    let changes = [
        (Method::POST, "/ssf/streams"),
        (Method::PATCH, "/ssf/streams"),
        (Method::PUT, "/ssf/streams"),
        (Method::DELETE, stream.as_str()),
        (Method::POST, "/ssf/status"),
        (Method::POST, "/ssf/verify"),
        (Method::POST, "/ssf/subjects/add"),
        (Method::POST, "/ssf/subjects/remove"),
    ];
    for (method, path) in changes {
        let answer = send(app, &reads, method, path, &json!({ "stream_id": id })).await;
        assert_eq!(answer.error(), (403, "insufficient_scope"), "{path}");
        assert!(answer.header("www-authenticate").contains("scope=\"ssf.manage\""));
    }
    // A token for another resource, and one that acts for a user.
    app.add_client("other", false, "client_credentials", &["orders:read", "ssf.read"]).await;
    let of_orders = app.client_token("other", "orders:read").await;
    assert_eq!(send(app, of_orders.str("access_token"), Method::GET, &stream, &Value::Null).await.error(), (401, "invalid_token"));
    app.operate(|change| {
        let role = signet_issuer::admin::roles::NewRole::check("signaller", &["ssf.read".to_owned()]).unwrap();
        Box::pin(signet_issuer::admin::roles::add(change, role))
    })
    .await
    .unwrap();
    app.add_user("carol", &["signaller"]).await;
    let form = [
        ("grant_type", "password"),
        ("username", "carol"),
        ("password", crate::support::PASSWORD),
        ("scope", "ssf.read"),
        ("resource", &app.url),
    ];
    let of_user = app.post("/token").basic_auth("hub", SECRET).form(&form).send().await;
    assert_eq!(of_user.json["scope"], "ssf.read", "{}", of_user.text);
    assert_eq!(send(app, of_user.str("access_token"), Method::GET, &stream, &Value::Null).await.error(), (403, "insufficient_scope"));
    // A scope that the client has lost since.
    let scope = signet_issuer::admin::patch::Patch::Set("openid ssf.read".to_owned());
    app.edit_client("hub", signet_issuer::admin::edit_client::ClientPatch { scope, ..Default::default() }).await.unwrap();
    assert_eq!(hub.get(&stream).await.error(), (401, "invalid_token"), "the token was revoked with the scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_its_own_streams_only() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    hub.app.add_client("other", false, "client_credentials", &["ssf.manage"]).await;
    let other = token(&hub.app, "other", "ssf.manage").await;
    assert_eq!(send(&hub.app, &other, Method::GET, "/ssf/streams", &Value::Null).await.json, json!([]));
    let subject = json!({ "format": "email", "email": "alice@example.com" });
    let body = json!({ "stream_id": id, "status": "disabled", "subject": subject, "events_requested": [] });
    for (method, path) in [
        (Method::GET, format!("/ssf/streams?stream_id={id}")),
        (Method::DELETE, format!("/ssf/streams?stream_id={id}")),
        (Method::PATCH, "/ssf/streams".into()),
        (Method::PUT, "/ssf/streams".into()),
        (Method::GET, format!("/ssf/status?stream_id={id}")),
        (Method::POST, "/ssf/status".into()),
        (Method::POST, "/ssf/verify".into()),
        (Method::POST, "/ssf/subjects/add".into()),
        (Method::POST, "/ssf/subjects/remove".into()),
        (Method::POST, format!("/ssf/poll/{id}")),
    ] {
        let body = if path.starts_with("/ssf/poll") { json!({}) } else { body.clone() };
        let body = if method == Method::GET { &Value::Null } else { &body };
        assert_eq!(send(&hub.app, &other, method, &path, body).await.error(), (404, "not_found"), "{path}");
    }
    assert_eq!(hub.get(&format!("/ssf/status?stream_id={id}")).await.str("status"), "enabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_streams_is_bounded_even_at_once() {
    let hub = Hub::new().await;
    let answers = at_once((0..MOST_STREAMS + 3).map(|_| hub.post("/ssf/streams", json!({}))).collect()).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, MOST_STREAMS);
    assert!(answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.error() == (409, "conflict")));
    let id = answers.iter().find(|answer| answer.status == 201).unwrap().str("stream_id").to_owned();
    hub.send(Method::DELETE, &format!("/ssf/streams?stream_id={id}"), &Value::Null).await;
    assert_eq!(hub.post("/ssf/streams", json!({})).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_paused_disabled_and_enabled() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    let read = format!("/ssf/status?stream_id={id}");
    assert_eq!(hub.get(&read).await.json, json!({ "stream_id": id, "status": "enabled" }));
    for (status, reason) in [("paused", Some("maintenance")), ("disabled", Some("over")), ("enabled", None)] {
        let body = json!({ "stream_id": id, "status": status, "reason": reason });
        let expected = match reason {
            Some(_) => body.clone(),
            None => json!({ "stream_id": id, "status": status }),
        };
        let answer = hub.post("/ssf/status", body).await;
        assert_eq!((answer.status, answer.json), (200, expected.clone()));
        assert_eq!(hub.get(&read).await.json, expected);
    }
    let long = hub.post("/ssf/status", json!({ "stream_id": id, "status": "paused", "reason": "é".repeat(1000) })).await;
    assert_eq!(long.str("reason"), "é".repeat(255));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_the_receiver_is_sealed_and_never_shown() {
    let hub = Hub::new().await;
    let secret = "Bearer the-secret-of-the-receiver";
    let delivery = |url: &str| json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": url, "authorization_header": secret });
    let made = hub.post("/ssf/streams", json!({ "delivery": delivery("https://app.example/events") })).await;
    assert_eq!(made.json["delivery"], json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://app.example/events" }));
    let id = made.str("stream_id");
    let kept = async || hub.app.count("SELECT count(*) FROM streams WHERE authorization_header IS NOT NULL").await;
    assert_eq!(kept().await, 1);
    assert!(!hub.app.dump("streams").await.contains("the-secret"));
    // The header stays with its URL, and goes with it.
    let body = json!({ "stream_id": id, "delivery": made.json["delivery"] });
    let same = hub.send(Method::PATCH, "/ssf/streams", &body).await;
    assert_eq!((same.status, kept().await), (200, 1));
    let elsewhere = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "https://elsewhere.example/events" });
    hub.send(Method::PATCH, "/ssf/streams", &json!({ "stream_id": id, "delivery": elsewhere })).await;
    assert_eq!(kept().await, 0);
    assert!(!hub.app.dump("audit_events").await.contains("the-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_character_u_0000_is_refused_in_each_body_and_in_the_path() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    let subject = json!({ "format": "email", "email": "\0" });
    for (path, body) in [
        ("/ssf/verify", json!({ "stream_id": "\0" })),
        ("/ssf/status", json!({ "stream_id": "\0", "status": "paused" })),
        ("/ssf/subjects/add", json!({ "stream_id": "\0", "subject": { "format": "opaque", "id": "x" } })),
        ("/ssf/subjects/add", json!({ "stream_id": id, "subject": subject })),
        ("/ssf/subjects/remove", json!({ "stream_id": id, "subject": { "format": "aliases", "identifiers": [subject] } })),
        ("/ssf/streams", json!({ "description": "\0" })),
        (&format!("/ssf/poll/{id}"), json!({ "\0": [] })),
    ] {
        let answer = hub.post(path, body.clone()).await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{path} {body}: {}", answer.text);
        assert!(answer.text.contains("without the character U+0000"), "{}", answer.text);
    }
    let answer = hub.post("/ssf/poll/%00", json!({ "returnImmediately": true })).await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    let answer = hub.get("/ssf/status?stream_id=%00").await;
    assert_eq!(answer.status, 400, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_found_is_told_by_the_name_of_its_field() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    for method in [Method::PATCH, Method::PUT] {
        let one = format!("/ssf/streams?stream_id={id}");
        for (path, body, expected) in [
            ("/ssf/streams", json!({}), (400, "invalid_request")),
            ("/ssf/streams", json!({ "stream_id": 1 }), (400, "invalid_request")),
            ("/ssf/streams", json!({ "stream_id": "" }), (404, "not_found")),
            ("/ssf/streams", json!({ "stream_id": "x" }), (404, "not_found")),
            // The query names the stream in other requests, so that a receiver may expect it to do so here.
            (one.as_str(), json!({}), (400, "invalid_request")),
            (one.as_str(), json!({ "stream_id": "x" }), (400, "invalid_request")),
        ] {
            let refused = hub.send(method.clone(), path, &body).await;
            assert_eq!(refused.error(), expected, "{method} {path} {body}");
            assert!(refused.str("error_description").starts_with("stream_id: expected the "), "{}", refused.text);
        }
        assert_eq!(hub.send(method, &one, &json!({ "stream_id": id })).await.status, 200);
    }
    assert_eq!(hub.send(Method::DELETE, "/ssf/streams", &Value::Null).await.error(), (400, "invalid_request"));
    assert_eq!(hub.send(Method::DELETE, "/ssf/streams?stream_id=", &Value::Null).await.error(), (404, "not_found"));
    for path in ["/ssf/streams?stream_id=", "/ssf/streams?stream_id", "/ssf/status?stream_id="] {
        assert_eq!(hub.get(path).await.error(), (404, "not_found"), "{path}: it is the id of no stream");
    }
}
