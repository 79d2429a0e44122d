//! Whatever ends a session tells its clients.

use signet_issuer::accounts::session;
use signet_issuer::admin::users::{self, PasswordHash, set_password};
use signet_issuer::admin::{clients, sessions};
use signet_issuer::jobs;

use super::{enter, house, settled, sid, verified};
use crate::support::{Browser, PASSWORD, Receiver, SECRET, TestApp};

/// A way in which the session of a browser ends.
#[derive(Debug, Clone, Copy)]
enum Way {
    SignedOut,
    LogoutByHint,
    LogoutConfirmed,
    LogoutByServer,
    AnotherSignIn,
    OthersEnded,
    DeviceEnded,
    PasswordChanged,
    PasswordSetByLink,
    SessionEnded,
    SessionsEnded,
    PasswordSet,
    UserDisabled,
    UserDeleted,
    Cascade,
}

const ALL: [Way; 15] = [
    Way::SignedOut,
    Way::LogoutByHint,
    Way::LogoutConfirmed,
    Way::LogoutByServer,
    Way::AnotherSignIn,
    Way::OthersEnded,
    Way::DeviceEnded,
    Way::PasswordChanged,
    Way::PasswordSetByLink,
    Way::SessionEnded,
    Way::SessionsEnded,
    Way::PasswordSet,
    Way::UserDisabled,
    Way::UserDeleted,
    Way::Cascade,
];

async fn make(way: Way, app: &TestApp, browser: &Browser, id_token: &str) {
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let chosen = "a better passphrase than before";
    match way {
        Way::SignedOut => super::sign_out(browser).await,
        Way::LogoutByHint => drop(browser.get(&format!("/end_session?id_token_hint={id_token}")).await),
        Way::LogoutConfirmed => {
            let page = browser.get("/end_session").await;
            browser.submit(&page, "/end_session/confirm", &[("choice", "sign-out")]).await;
        }
        Way::LogoutByServer => {
            let answer = app.post("/end_session").basic_auth("web", SECRET).form(&[("id_token_hint", id_token)]).send().await;
            assert_eq!(answer.json["session_ended"], true);
        }
        Way::AnotherSignIn => {
            let page = browser.get(&app.authorize(&[("client_id", "silent"), ("scope", "openid"), ("prompt", "login")])).await;
            browser.sign_in(&page, "bob", PASSWORD).await;
        }
        Way::OthersEnded => session::end_others(&app.app, &app.operator, alice, "another session", "user").await.unwrap(),
        Way::DeviceEnded => {
            let other = app.signed_in("alice").await;
            let page = other.get("/account/devices").await;
            other.submit(&page, "/account/devices", &[("action", "end"), ("sid", &sid(id_token))]).await;
        }
        Way::PasswordChanged => {
            let other = app.signed_in("alice").await;
            let page = other.get("/account/password").await;
            let fields = [("current_password", PASSWORD), ("new_password", chosen), ("repeat_password", chosen)];
            other.submit(&page, "/account/password", &fields).await;
        }
        Way::PasswordSetByLink => {
            let link = app.operate(|change| Box::pin(users::make_link(change, alice))).await.unwrap().url;
            let other = app.browser();
            let page = other.get(&link).await;
            other.submit(&page, "/set-password", &[("new_password", chosen), ("repeat_password", chosen)]).await;
        }
        Way::SessionEnded => {
            let sid = sid(id_token);
            app.operate(|change| Box::pin(async move { sessions::end(change, &sid).await })).await.unwrap();
        }
        Way::SessionsEnded => drop(app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap()),
        Way::PasswordSet => {
            let hash = PasswordHash::chosen(&app.app, chosen.into(), &[]).await.unwrap();
            app.operate(|change| Box::pin(set_password(change, alice, hash))).await.unwrap();
        }
        Way::UserDisabled => app.disable_user("alice").await,
        Way::UserDeleted => drop(app.operate(|change| Box::pin(users::delete(change, alice, None))).await.unwrap()),
        Way::Cascade => {
            // SQLite cascades only where the connection asks for it, as the connections of the issuer do.
            let (transaction, id) = (app.app.store.begin().await.unwrap(), alice);
            signet_issuer::store::users::remove(&transaction, id).await.unwrap();
            signet_issuer::store::commit(transaction).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_a_session_tells_each_of_its_clients_once() {
    for way in ALL {
        let receiver = Receiver::open().await;
        let app = house(&receiver).await;
        let browser = app.signed_in("alice").await;
        let id_token = enter(&app, &browser, "web", "openid").await;
        enter(&app, &browser, "mail", "openid offline_access").await;
        make(way, &app, &browser, &id_token).await;
        for id in ["web", "mail"] {
            let messages = receiver.wait_for(&format!("/{id}"), 1).await;
            let claims = verified(&app, &messages[0]).await;
            assert_eq!((&claims["aud"], &claims["sid"]), (&id.into(), &sid(&id_token).into()), "{way:?}");
        }
        settled(&app).await;
        assert_eq!((receiver.received("/web").len(), receiver.received("/mail").len()), (1, 1), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_told_even_where_its_authorization_is_gone() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let browser = app.signed_in("alice").await;
    let id_token = enter(&app, &browser, "web", "openid").await;
    app.sql("DELETE FROM authorizations").await;
    super::sign_out(&browser).await;
    assert_eq!(verified(&app, &receiver.wait_for("/web", 1).await[0]).await["sid"], sid(&id_token));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_session_that_only_expired() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let browser = app.signed_in("alice").await;
    enter(&app, &browser, "web", "openid").await;
    app.advance(30 * 24 * 3600);
    jobs::clean(&app.app).await.unwrap();
    let left = ["sessions", "session_clients", "outbox"].map(|table| format!("SELECT count(*) FROM {table}"));
    for sql in left {
        assert_eq!(app.count(&sql).await, 0, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_removed_disabled_or_changed_meanwhile_is_not_told() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    for id in ["web", "mail"] {
        receiver.answer(&format!("/{id}"), 503);
    }
    let browser = app.signed_in("alice").await;
    for id in ["web", "mail"] {
        enter(&app, &browser, id, "openid").await;
    }
    super::sign_out(&browser).await;
    for id in ["web", "mail"] {
        receiver.wait_for(&format!("/{id}"), 1).await;
    }
    app.operate(|change| Box::pin(clients::remove(change, "web"))).await.unwrap();
    app.disable_client("mail").await;
    app.advance(2);
    settled(&app).await;
    assert_eq!((receiver.received("/web").len(), receiver.received("/mail").len()), (1, 1));
    let not_delivered = "SELECT count(*) FROM audit_events WHERE event = 'logout_not_delivered'";
    assert_eq!(app.count(not_delivered).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_to_a_client_that_races_with_the_sign_out_is_told_of_or_refused() {
    let receiver = Receiver::open().await;
    let app = house(&receiver).await;
    let mut given = 0;
    for round in 0..20 {
        let browser = app.signed_in("alice").await;
        let code = browser.code(&app.authorize(&[("client_id", "web"), ("scope", "openid")])).await;
        let page = browser.get("/account").await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", crate::support::CALLBACK),
            ("code_verifier", crate::support::VERIFIER),
        ];
        let redeem = app.post("/token").basic_auth("web", SECRET).form(&form).send();
        let (answer, _) = tokio::join!(redeem, browser.submit(&page, "/account/sign-out", &[]));
        if answer.status == 200 {
            given += 1;
            let messages = receiver.wait_for("/web", given).await;
            let told = verified(&app, messages.last().unwrap()).await["sid"].clone();
            assert_eq!(told, sid(answer.str("id_token")), "round {round}");
            let active = app.introspect("mail", answer.str("access_token")).await.json["active"].clone();
            assert_ne!(active, true, "round {round}");
        }
    }
    settled(&app).await;
    assert_eq!(receiver.received("/web").len(), given);
}
