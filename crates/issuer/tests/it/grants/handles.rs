//! A handle that no token carries yet need not be revoked; so no grant may give a token without counting its handle as used.

use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::grants::Grant;
use signet_issuer::revocation_feed::hash;
use uuid::Uuid;

use super::attempt;
use crate::support::{Answer, CALLBACK, TestApp, claims};

/// An issuer whose user alice may write orders, and whose client `all` has every grant.
async fn house() -> (TestApp, Uuid) {
    let app = TestApp::new().await.with_orders().await;
    let alice = app.add_user("alice", &["clerk"]).await;
    let grants = "password refresh_token client_credentials authorization_code";
    app.add_client_with("all", false, grants, &["orders:read", "orders:write"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    (app, alice)
}

/// Takes a scope from the client `all`, which gives new handles to it and to all of its authorizations, and gives the scope back.
async fn narrow(app: &TestApp) {
    for scope in ["orders:read", "orders:read orders:write"] {
        let patch = ClientPatch { scope: Patch::Set(scope.to_owned()), ..ClientPatch::default() };
        app.edit_client("all", patch).await.unwrap();
    }
}

async fn is_revoked(app: &TestApp, answer: &Answer) -> bool {
    let handle = hash(claims(answer.str("access_token"))["grant_id"].as_str().unwrap());
    app.app.read_revocations().await.unwrap();
    app.get("/revocations").send().await.json["revoked"].as_array().unwrap().contains(&handle.into())
}

/// Returns the number of handles that are revoked.
async fn entries(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM revocations WHERE grant_id IS NOT NULL").await
}

async fn unused(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM authorizations WHERE NOT grant_id_used").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_each_grant_that_is_given_after_a_change_is_revoked_by_the_next_one() {
    for grant in Grant::ALL {
        let (app, _) = house().await;
        let browser = app.signed_in("alice").await;
        let code = browser.code(&app.authorize(&[("client_id", "all"), ("scope", "orders:read")])).await;
        let first = attempt(&app, Grant::Password, "", "").await;
        assert!(!is_revoked(&app, &first).await);
        narrow(&app).await;
        assert!(is_revoked(&app, &first).await);
        assert_eq!(unused(&app).await, 1, "no token carries the new handle");
        let given = attempt(&app, *grant, first.str("refresh_token"), &code).await;
        assert_eq!(given.status, 200, "{grant:?}: {}", given.text);
        assert!(!is_revoked(&app, &given).await, "{grant:?}");
        narrow(&app).await;
        assert!(is_revoked(&app, &given).await, "{grant:?} gave a token without counting its handle as used");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_sent_twice_gets_a_token_that_the_next_change_revokes() {
    let (app, _) = house().await;
    let first = attempt(&app, Grant::Password, "", "").await;
    let again = async || attempt(&app, Grant::RefreshToken, first.str("refresh_token"), "").await;
    assert_eq!(again().await.status, 200);
    narrow(&app).await;
    // The generation was spent a moment ago, so only the access token is new.
    let answers = tokio::join!(again(), again(), again());
    let answers = [answers.0, answers.1, answers.2];
    for given in &answers {
        assert_eq!(given.status, 200, "{}", given.text);
        assert!(!is_revoked(&app, given).await);
        assert_eq!(given.str("refresh_token"), answers[0].str("refresh_token"));
    }
    narrow(&app).await;
    for given in &answers {
        assert!(is_revoked(&app, given).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_write_one_entry_for_each_token_however_many_they_are() {
    let (app, alice) = house().await;
    for _ in 0..5 {
        assert_eq!(app.sign_in("alice", "orders:read orders:write").await.status, 200);
    }
    for _ in 0..8 {
        app.change_clerk(&[], &["orders:write"]).await;
        app.change_clerk(&["orders:write"], &[]).await;
    }
    assert_eq!((entries(&app).await, unused(&app).await), (5, 5));
    // What ends or goes with its user was in no token either.
    signet_issuer::accounts::session::end_others(&app.app, &app.operator, alice, "another session", "user").await.unwrap();
    assert_eq!(entries(&app).await, 5);
    let given = app.sign_in("alice", "orders:read orders:write").await;
    app.change_clerk(&[], &["orders:write"]).await;
    assert_eq!((entries(&app).await, unused(&app).await), (6, 6));
    app.operate(|change| Box::pin(signet_issuer::admin::users::delete(change, alice, None))).await.unwrap();
    assert_eq!(entries(&app).await, 6);
    assert!(is_revoked(&app, &given).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_slips_through_between_two_changes() {
    let (app, _) = house().await;
    for round in 0..12 {
        app.change_clerk(&["orders:write"], &[]).await;
        let mut chains = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let first = app.sign_in("alice", "orders:read orders:write").await;
            // The handle is new, so that the first refresh counts it as used while the role changes.
            app.change_clerk(&[], &["orders:write"]).await;
            app.change_clerk(&["orders:write"], &[]).await;
            let (http, url) = (app.http.clone(), format!("{}/token", app.url));
            chains.spawn(async move {
                let (mut given, mut refresh) = (Vec::new(), first.str("refresh_token").to_owned());
                for _ in 0..6 {
                    let form = [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", &refresh)];
                    let answer = Answer::of(http.post(&url).form(&form).send().await.unwrap()).await;
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    refresh = answer.str("refresh_token").to_owned();
                    given.push(answer);
                }
                given
            });
        }
        crate::support::real_time(round).await;
        app.change_clerk(&[], &["orders:write"]).await;
        let given: Vec<Answer> = chains.join_all().await.into_iter().flatten().collect();
        for answer in given.iter().filter(|answer| answer.str("scope").contains("orders:write")) {
            assert!(is_revoked(&app, answer).await, "round {round}: {}", answer.text);
        }
    }
}
