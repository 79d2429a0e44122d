//! A client authenticates in one way at a time, and credentials are checked even where none are needed.

use signet_issuer::admin::clients::{self, OldSecret};

use crate::support::{PASSWORD, SECRET, TestApp};

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("confidential", false, "password client_credentials", &["orders:read"]).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_uses_one_way_of_client_authentication() {
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
async fn client_credentials_are_checked_even_where_none_are_needed() {
    let app = app().await;
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
    for (id, secret) in [("confidential", "wrong"), ("shop", "anything"), ("nobody", SECRET), ("cli", SECRET), ("confidential", "")] {
        let answer = app.post("/token").form(&form).basic_auth(id, secret).send().await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{id}");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    // An empty secret counts as none, which suits a public client.
    assert_eq!(app.post("/token").form(&form).basic_auth("shop", "").send().await.status, 200);
    for header in ["Basic !!!", "Bearer x", "Basic Onk=", "Basic YWJj"] {
        let answer = app.post("/token").form(&form).header("authorization", header).send().await;
        assert_eq!(answer.error(), (401, "invalid_client"), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_credentials_are_form_encoded() {
    let app = app().await;
    app.add_client("with.dot", false, "client_credentials", &["orders:read"]).await;
    let hash = signet_issuer::oauth::secret::key("with+plus");
    signet_issuer::store::client_secrets::insert(app.app.store.writer(), "with.dot", hash, app.clock_now()).await.unwrap();
    let form = [("grant_type", "client_credentials")];
    assert_eq!(app.post("/token").form(&form).basic_auth("with%2Edot", "with%2Bplus").send().await.status, 200);
    assert_eq!(app.post("/token").form(&form).basic_auth("with.dot", "with+plus").send().await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_valid_at_once() {
    let app = app().await;
    let try_secret = async |secret: &str| {
        app.post("/token").form(&[("grant_type", "client_credentials")]).basic_auth("confidential", secret).send().await.status
    };
    let rotate = async |old: OldSecret| app.operate(|change| Box::pin(clients::rotate_secret(change, "confidential", old))).await.unwrap();
    let second = rotate(OldSecret::UntilNextRotation).await;
    assert_eq!((try_secret(SECRET).await, try_secret(&second).await), (200, 200));
    let third = rotate(OldSecret::UntilNextRotation).await;
    assert_eq!((try_secret(SECRET).await, try_secret(&second).await, try_secret(&third).await), (401, 200, 200));
    let fourth = rotate(OldSecret::EndsNow).await;
    assert_eq!((try_secret(&third).await, try_secret(&fourth).await), (401, 200));
    // The old one may also end at a set time.
    let fifth = rotate(OldSecret::EndsIn(60)).await;
    app.advance(59);
    assert_eq!((try_secret(&fourth).await, try_secret(&fifth).await), (200, 200));
    app.advance(1);
    assert_eq!((try_secret(&fourth).await, try_secret(&fifth).await), (401, 200));
    let view = clients::show(&app.reading(), "confidential").await.unwrap();
    assert_eq!(view.secrets.len(), 1, "one that has ended is not shown: {view:?}");
    for wrong in [0, -1, 400 * 86400] {
        let refused = app.operate(|change| Box::pin(clients::rotate_secret(change, "confidential", OldSecret::EndsIn(wrong)))).await;
        assert!(refused.unwrap_err().to_string().starts_with("old_ends_in: expected"), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_a_client_and_its_secret_is_written_later() {
    let app = app().await;
    let second =
        app.operate(|change| Box::pin(clients::rotate_secret(change, "confidential", OldSecret::UntilNextRotation))).await.unwrap();
    let use_it = async |secret: &str| {
        app.post("/token").form(&[("grant_type", "client_credentials")]).basic_auth("confidential", secret).send().await
    };
    let uses = async || {
        let view = clients::show(&app.reading(), "confidential").await.unwrap();
        (view.last_used_at, view.secrets.iter().map(|secret| secret.last_used_at).collect::<Vec<_>>())
    };
    use_it(SECRET).await;
    let start = app.clock_now();
    // The job that cleans at the start may be writing the use at this moment, so wait until it is written.
    while uses().await.0.is_none() {
        app.app.store.flush_uses().await.unwrap();
    }
    assert_eq!(uses().await, (Some(start), vec![None, Some(start)]));
    app.advance(10);
    use_it(&second).await;
    use_it("wrong").await;
    app.app.store.flush_uses().await.unwrap();
    assert_eq!(uses().await, (Some(start + 10), vec![Some(start + 10), Some(start)]));
    // A node whose clock is behind does not take the last use back.
    app.app.store.note_use("confidential", None, start);
    app.app.store.note_use("gone", None, start);
    app.app.store.flush_uses().await.unwrap();
    assert_eq!(uses().await.0, Some(start + 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_no_client_counts_as_the_default_clients() {
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

/// Swagger UI sends `Basic Og==`, and scripts send the word for a value that they do not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_credentials_is_no_second_method() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("machine", false, "client_credentials", &["orders:read"]).await;
    let form = [("grant_type", "client_credentials")];
    let in_body = [&form[..], &[("client_id", "machine"), ("client_secret", SECRET)]].concat();
    for nothing in ["", " ", "Basic", "Basic Og==", "basic Og==", "Basic undefined", "Bearer", "Bearer undefined", "bearer null"] {
        let beside = app.post("/token").header("authorization", nothing).form(&in_body).send().await;
        assert_eq!(beside.status, 200, "{nothing:?}: {}", beside.text);
        let alone = app.post("/token").header("authorization", nothing).form(&form).send().await;
        assert_ne!(alone.status, 200, "{nothing:?} proves nothing");
        let two = app.post("/token").header("authorization", nothing).basic_auth("machine", SECRET).form(&form).send().await;
        assert_eq!(two.status, 200, "{nothing:?} beside credentials in another header: {}", two.text);
        let password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "openid")];
        let default_client = app.post("/token").header("authorization", nothing).form(&password).send().await;
        assert_eq!(default_client.status, 200, "{nothing:?} names no client, so the default client is meant: {}", default_client.text);
    }
    for something in ["Basic eDp5", "Basic Onk=", "Basic !", "Bearer x", "Digest x", "x"] {
        let beside = app.post("/token").header("authorization", something).form(&in_body).send().await;
        assert_eq!(beside.error(), (400, "invalid_request"), "{something:?}");
    }
}
