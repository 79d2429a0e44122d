//! Whatever ends a session or changes a password is told, to those streams alone whose client the user has authorized.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signet_issuer::accounts::methods::password;
use signet_issuer::accounts::session;
use signet_issuer::admin::transfer::{Batch, Import, ImportOptions, Line};
use signet_issuer::admin::users::{PasswordHash, set_password};
use signet_issuer::admin::{sessions, users};
use signet_verifier::SignedToken;

use super::{CREDENTIAL_CHANGE, Hub, SESSION_REVOKED, event, token};
use crate::support::{Browser, PASSWORD, START};

/// The subject of an event about all sessions of alice.
fn of_alice(hub: &Hub) -> Value {
    json!({ "format": "iss_sub", "iss": hub.app.url, "sub": hub.alice })
}

/// The subject of an event about one session of alice.
fn of_session(hub: &Hub, sid: &str) -> Value {
    json!({ "format": "complex", "user": of_alice(hub), "session": { "format": "opaque", "id": sid } })
}

/// Signs alice in; returns the browser and the `sid` of its session.
async fn signed_in(hub: &Hub) -> (Browser, String) {
    let browser = hub.app.signed_in("alice").await;
    let list = sessions::list(&hub.app.reading(), Some(hub.alice), &hub.app.window()).await.unwrap();
    // The newest session is told by the one that is not known yet.
    let mut sids: Vec<String> = list.items.iter().map(|session| session.sid.clone()).collect();
    (browser, sids.swap_remove(0))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    SignedOut,
    RpInitiated,
    EndedByAdministrator,
    AllEndedByAdministrator,
    OthersEnded,
    AnotherUser,
    UserDisabled,
    UserDeleted,
}

const WAYS: [Way; 8] = [
    Way::SignedOut,
    Way::RpInitiated,
    Way::EndedByAdministrator,
    Way::AllEndedByAdministrator,
    Way::OthersEnded,
    Way::AnotherUser,
    Way::UserDisabled,
    Way::UserDeleted,
];

async fn end(way: Way, hub: &Hub, browser: &Browser, sid: &str) {
    let (app, alice) = (&hub.app, hub.alice);
    match way {
        Way::SignedOut => {
            let page = browser.get("/account").await;
            browser.submit(&page, "/account/sign-out", &[]).await;
        }
        Way::RpInitiated => {
            let tokens = app.code_flow(browser, &[("scope", "openid")]).await;
            let hint = format!("/end_session?id_token_hint={}", tokens.str("id_token"));
            browser.get(&hint).await;
        }
        Way::EndedByAdministrator => {
            app.operate(|change| Box::pin(sessions::end(change, sid))).await.unwrap();
        }
        Way::AllEndedByAdministrator => {
            app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap();
        }
        Way::OthersEnded => session::end_others(&app.app, &app.operator, alice, "another", "user").await.unwrap(),
        Way::AnotherUser => {
            let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
            browser.sign_in(&page, "bob", PASSWORD).await;
        }
        Way::UserDisabled => app.disable_user("alice").await,
        Way::UserDeleted => {
            app.operate(|change| Box::pin(users::delete(change, alice, None))).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_a_session_is_told_once() {
    for way in WAYS {
        let hub = Hub::new().await;
        hub.used_by("alice").await;
        let id = hub.stream().await;
        let (browser, sid) = signed_in(&hub).await;
        assert_eq!(hub.drain(&id).await, Vec::<Value>::new(), "{way:?}");
        end(way, &hub, &browser, &sid).await;
        let told = hub.drain(&id).await;
        // A deletion ends the sessions first.
        assert_eq!(told.len(), if way == Way::UserDeleted { 2 } else { 1 }, "{way:?}: {told:?}");
        let told = &told[told.len() - 1..];
        let (name, members) = event(&told[0]);
        assert_eq!(name, SESSION_REVOKED, "{way:?}");
        let whole_user = matches!(way, Way::UserDisabled | Way::UserDeleted);
        let subject = if whole_user { of_alice(&hub) } else { of_session(&hub, &sid) };
        assert_eq!(told[0]["sub_id"], subject, "{way:?}");
        assert_eq!(told[0]["aud"], "hub");
        for absent in ["sub", "exp", "nonce"] {
            assert_eq!(told[0].get(absent), None, "{way:?}");
        }
        for named in ["iat", "jti", "txn"] {
            assert!(!told[0][named].is_null(), "{way:?}: {named}");
        }
        assert!(!members["reason_admin"]["en"].as_str().unwrap().is_empty());
        assert_eq!(members["event_timestamp"], told[0]["iat"]);
        // A deleted row has the time of the database, which is not that of the test.
        if way == Way::UserDeleted {
            continue;
        }
        assert_eq!(members["event_timestamp"], START, "{way:?}");
        let initiator = match way {
            // Of another user: Bob, who is no administrator, has ended the session of alice by signing in where she was signed in.
            Way::SignedOut | Way::RpInitiated | Way::AnotherUser => json!("user"),
            Way::EndedByAdministrator | Way::AllEndedByAdministrator | Way::OthersEnded | Way::UserDisabled => json!("admin"),
            Way::UserDeleted => unreachable!(),
        };
        assert_eq!(members["initiating_entity"], initiator, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_told_together_with_what_it_ends() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let (browser, kept) = signed_in(&hub).await;
    let other = hub.app.signed_in("alice").await;
    let page = browser.get("/account/password").await;
    let chosen = "a better passphrase than before";
    browser
        .submit(&page, "/account/password", &[("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)])
        .await;
    let told = hub.drain(&id).await;
    let mut names: Vec<&str> = told.iter().map(|claims| event(claims).0).collect();
    names.sort_unstable();
    assert_eq!(names, [CREDENTIAL_CHANGE, SESSION_REVOKED], "{told:?}");
    for claims in &told {
        let (name, members) = event(claims);
        assert_eq!(members["initiating_entity"], "user", "{claims}");
        if name == CREDENTIAL_CHANGE {
            assert_eq!((&members["credential_type"], &members["change_type"]), (&json!("password"), &json!("update")));
            assert_eq!(claims["sub_id"], of_alice(&hub));
        } else {
            assert_ne!(claims["sub_id"], of_session(&hub, &kept), "the session of the change goes on");
        }
    }
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_change_by_administrators_links_and_imports_too() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let app = &hub.app;
    let change_of = async |entity: &str, kind: &str| {
        let told = hub.drain(&id).await;
        assert_eq!(told.len(), 1, "{told:?}");
        let (name, members) = event(&told[0]);
        assert_eq!(
            (name, &members["change_type"], &members["initiating_entity"]),
            (CREDENTIAL_CHANGE, &json!(kind), &json!(entity)),
            "{told:?}"
        );
    };
    let hash = PasswordHash::chosen(&app.app, "another horse battery staple".into(), &[]).await.unwrap();
    app.operate(|change| Box::pin(set_password(change, hub.alice, hash))).await.unwrap();
    change_of("admin", "update").await;
    let link = app.operate(|change| Box::pin(users::make_link(change, hub.alice))).await.unwrap().url;
    let browser = app.browser();
    let page = browser.get(&link).await;
    let chosen = "an even better passphrase";
    app.advance(100);
    browser.submit(&page, "/set-password", &[("new_password", chosen), ("repeat_password", chosen)]).await;
    change_of("user", "update").await;
    app.advance(100);
    let other = password::hash(&app.app, PASSWORD.into()).await.unwrap();
    let lines = [Line { number: 1, text: json!({ "username": "alice", "password_hash": other }).to_string().into_bytes() }];
    let import = Import::begin(&app.reading(), ImportOptions { update: true, ..ImportOptions::default() }).await.unwrap();
    let batch = Batch::read(&app.reading(), lines.to_vec()).await.unwrap();
    let prepared = import.prepare(&app.reading(), batch).await.unwrap();
    app.operate(|change| Box::pin(async move { import.write(change, prepared).await })).await.unwrap();
    change_of("admin", "update").await;
    // Signing in again with the same password changes nothing, even where its hash is replaced by a stronger one.
    app.sql("UPDATE users SET password_hash = password_hash || '' WHERE username = 'alice'").await;
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_only_of_users_who_have_authorized_its_client() {
    let hub = Hub::new().await;
    let id = hub.stream().await;
    hub.app.disable_user("bob").await;
    signed_in(&hub).await;
    hub.app.operate(|change| Box::pin(sessions::end_all(change, hub.alice))).await.unwrap();
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new(), "nobody has used the client");
    hub.used_by("alice").await;
    // What was given once counts, even after it has ended and its row is gone.
    hub.app.sql("DELETE FROM authorizations").await;
    signed_in(&hub).await;
    hub.app.operate(|change| Box::pin(sessions::end_all(change, hub.alice))).await.unwrap();
    assert_eq!(hub.drain(&id).await.len(), 1);
    // Another client has a stream of its own, and its own users.
    hub.app.add_client("other", false, "client_credentials", &["ssf.manage"]).await;
    let other = token(&hub.app, "other", "ssf.manage").await;
    let made =
        super::send(&hub.app, &other, reqwest::Method::POST, "/ssf/streams", &json!({ "events_requested": [SESSION_REVOKED] })).await;
    signed_in(&hub).await;
    hub.app.disable_user("alice").await;
    assert_eq!(hub.drain(&id).await.len(), 1);
    let path = format!("/ssf/poll/{}", made.str("stream_id"));
    let polled = super::send(&hub.app, &other, reqwest::Method::POST, &path, &json!({ "returnImmediately": true })).await;
    assert_eq!(polled.json, json!({ "sets": {} }));
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_counts_as_authorization() {
    let hub = Hub::new().await;
    // The client `web` asks for consent; the code is not redeemed.
    let scopes = ["openid", "ssf.manage"];
    hub.app
        .add_client_with("asks", false, "authorization_code client_credentials", &scopes, |client| {
            client.redirect_uris = vec![crate::support::CALLBACK.into()];
        })
        .await;
    let token = token(&hub.app, "asks", "ssf.manage").await;
    let made =
        super::send(&hub.app, &token, reqwest::Method::POST, "/ssf/streams", &json!({ "events_requested": [SESSION_REVOKED] })).await;
    let browser = hub.app.signed_in("alice").await;
    browser.code(&hub.app.authorize(&[("client_id", "asks"), ("scope", "openid")])).await;
    hub.app.disable_user("alice").await;
    let path = format!("/ssf/poll/{}", made.str("stream_id"));
    let polled = super::send(&hub.app, &token, reqwest::Method::POST, &path, &json!({ "returnImmediately": true })).await;
    assert_eq!(polled.json["sets"].as_object().unwrap().len(), 1, "{}", polled.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_removes_users_and_adds_them_again() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    let sub = json!(hub.alice);
    let subjects = [
        json!({ "format": "email", "email": "Alice@Example.com" }),
        json!({ "format": "iss_sub", "iss": hub.app.url, "sub": sub }),
        json!({ "format": "opaque", "id": sub }),
        json!({ "format": "aliases", "identifiers": [{ "format": "account", "uri": "acct:alice@example.com" }, { "format": "opaque", "id": sub }] }),
        json!({ "format": "complex", "user": { "format": "email", "email": "alice@example.com" } }),
    ];
    let end = async || {
        signed_in(&hub).await;
        hub.app.operate(|change| Box::pin(sessions::end_all(change, hub.alice))).await.unwrap();
        hub.drain(&id).await.len()
    };
    for subject in &subjects {
        let body = json!({ "stream_id": id, "subject": subject });
        let removed = hub.post("/ssf/subjects/remove", body.clone()).await;
        assert_eq!((removed.status, removed.text.as_str()), (204, ""), "{subject}");
        assert_eq!(hub.post("/ssf/subjects/remove", body.clone()).await.status, 204, "twice");
        assert_eq!(end().await, 0, "{subject}");
        let added = hub.post("/ssf/subjects/add", json!({ "stream_id": id, "subject": subject, "verified": true })).await;
        assert_eq!((added.status, added.text.as_str()), (200, ""), "{subject}");
        assert_eq!(end().await, 1, "{subject}");
    }
    // Whoever does not exist gets the same answer.
    for subject in [
        json!({ "format": "email", "email": "nobody@example.com" }),
        json!({ "format": "iss_sub", "iss": "https://other.example", "sub": sub }),
        json!({ "format": "opaque", "id": "nobody" }),
        json!({ "format": "account", "uri": "acct:alice@example.com" }),
        json!({ "format": "phone_number", "phone_number": "+12065550100" }),
        json!({ "format": "did", "url": "did:example:123" }),
        json!({ "format": "jwt_id", "iss": hub.app.url, "jti": "x" }),
        json!({ "format": "ip-addresses", "ip-addresses": ["10.29.37.75"] }),
        json!({ "format": "aliases", "identifiers": [{ "format": "opaque", "id": "nobody" }] }),
        // Less than the whole user cannot be removed.
        json!({ "format": "complex", "user": { "format": "opaque", "id": sub }, "session": { "format": "opaque", "id": "x" } }),
    ] {
        let body = json!({ "stream_id": id, "subject": subject });
        assert_eq!(hub.post("/ssf/subjects/add", body.clone()).await.status, 200, "{subject}");
        assert_eq!(hub.post("/ssf/subjects/remove", body).await.status, 204, "{subject}");
    }
    assert_eq!(end().await, 1);
    assert_eq!(hub.post("/ssf/subjects/add", json!({ "stream_id": id, "subject": subjects[0], "verified": 1 })).await.status, 400);
    // The trail tells nothing either: each request leaves one event.
    let recorded = "SELECT count(*) FROM audit_events WHERE event = 'stream_changed'";
    let before = hub.app.count(recorded).await;
    for (path, who) in [("remove", "alice"), ("remove", "nobody"), ("add", "alice"), ("add", "nobody")] {
        let subject = json!({ "format": "email", "email": format!("{who}@example.com") });
        hub.post(&format!("/ssf/subjects/{path}"), json!({ "stream_id": id, "subject": subject })).await;
    }
    assert_eq!(hub.app.count(recorded).await, before + 4);
    // At the bound, nobody can be removed, whether they exist or not.
    hub.app.sql(&many_removed(&id, hub.app.database_url().starts_with("postgres"))).await;
    for who in ["alice", "nobody"] {
        let subject = json!({ "format": "email", "email": format!("{who}@example.com") });
        let body = json!({ "stream_id": id, "subject": subject });
        assert_eq!(hub.post("/ssf/subjects/remove", body.clone()).await.error(), (403, "access_denied"), "{who}");
        assert_eq!(hub.post("/ssf/subjects/add", body).await.status, 200, "{who}");
    }
}

/// Removes 10,000 users who exist only in these rows.
fn many_removed(id: &str, is_postgres: bool) -> String {
    if is_postgres {
        return format!(
            "SET session_replication_role = replica; \
             INSERT INTO stream_removals (stream_id, user_id) SELECT '{id}', gen_random_uuid() FROM generate_series(1, 10000)"
        );
    }
    format!(
        "PRAGMA foreign_keys = OFF; WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
         INSERT INTO stream_removals (stream_id, user_id) SELECT '{id}', randomblob(16) FROM numbers"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_one_change_does_to_a_user_has_one_txn() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    signed_in(&hub).await;
    let hash = PasswordHash::chosen(&hub.app.app, "another horse battery staple".into(), &[]).await.unwrap();
    hub.app.advance(5);
    hub.app.operate(|change| Box::pin(set_password(change, hub.alice, hash))).await.unwrap();
    let told = hub.drain(&id).await;
    let names: BTreeSet<&str> = told.iter().map(|set| event(set).0).collect();
    let txns: BTreeSet<&str> = told.iter().map(|set| set["txn"].as_str().unwrap()).collect();
    assert_eq!((names.len(), txns.len()), (2, 1), "{told:?}");
    hub.app.advance(5);
    hub.app.disable_user("alice").await;
    assert!(!txns.contains(hub.drain(&id).await[0]["txn"].as_str().unwrap()), "another change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_verifies_with_the_jwks_and_is_no_token() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let (id, second) = (hub.stream().await, hub.stream().await);
    hub.app.disable_user("alice").await;
    let jwks: Value = serde_json::from_str(&hub.app.get("/.well-known/jwks.json").send().await.text).unwrap();
    let answer = hub.poll(&id, json!({ "returnImmediately": true })).await;
    let set = answer.json["sets"].as_object().unwrap().values().next().unwrap().as_str().unwrap();
    let keys = josekit::jwk::JwkSet::from_reader(&mut jwks.to_string().as_bytes()).unwrap();
    let kid = crate::support::header(set)["kid"].as_str().unwrap().to_owned();
    let verifier = josekit::jws::RS256.verifier_from_jwk(keys.get(&kid)[0]).unwrap();
    let (payload, header) = josekit::jwt::decode_with_verifier(set, &verifier).unwrap();
    assert_eq!((header.token_type(), header.algorithm()), (Some("secevent+jwt"), Some("RS256")));
    assert_eq!(payload.issuer(), Some(hub.app.url.as_str()));
    assert!(SignedToken::parse(set).unwrap().has_type("secevent+jwt"));
    // The issuer takes it for no access token.
    assert_eq!(hub.app.get("/userinfo").bearer(set).send().await.status, 401);
    assert_eq!(super::send(&hub.app, set, reqwest::Method::GET, "/ssf/streams", &Value::Null).await.status, 401);
    // The same cause has the same `txn` in each stream, and each SET has an id of its own.
    let (one, two) = (hub.drain(&id).await, hub.drain(&second).await);
    assert_eq!(one[0]["txn"], two[0]["txn"]);
    assert_ne!(one[0]["jti"], two[0]["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_expires_is_not_told() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    let id = hub.stream().await;
    signed_in(&hub).await;
    hub.app.advance(20 * 86_400);
    signet_issuer::jobs::clean(&hub.app.app).await.unwrap();
    assert_eq!(hub.app.count("SELECT count(*) FROM sessions").await, 0);
    let fresh = token(&hub.app, "hub", "ssf.manage").await;
    let hub = Hub { token: fresh, ..hub };
    assert_eq!(hub.drain(&id).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_disabled_is_told_nothing() {
    let hub = Hub::new().await;
    hub.used_by("alice").await;
    hub.stream().await;
    hub.app.disable_client("hub").await;
    hub.app.disable_user("alice").await;
    assert_eq!(hub.app.count("SELECT count(*) FROM outbox").await, 0);
}
