//! Every grant makes the same checks of the user and of the client, whatever their states are.

mod authorization_code;
mod client_credentials;
mod handles;
mod narrowed;
mod password;
mod refresh_token;
mod withheld;

use signet_issuer::admin::clients;
use signet_issuer::grants::Grant;

use crate::support::{Answer, CALLBACK, PASSWORD, SECRET, TestApp, VERIFIER};

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Enabled,
    Disabled,
    Gone,
}

async fn attempt(app: &TestApp, grant: Grant, refresh_token: &str, code: &str) -> Answer {
    let mut form = vec![("grant_type", grant.name())];
    match grant {
        Grant::Password => form.extend([("username", "alice"), ("password", PASSWORD)]),
        Grant::AuthorizationCode => form.extend([("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]),
        Grant::RefreshToken => form.push(("refresh_token", refresh_token)),
        Grant::ClientCredentials => {}
    }
    app.post("/token").basic_auth("all", SECRET).form(&form).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_passes_the_same_gate() {
    for grant in Grant::ALL {
        for user in [State::Enabled, State::Disabled, State::Gone] {
            for client in [State::Enabled, State::Disabled, State::Gone] {
                let app = TestApp::new().await.with_orders().await.with_user("alice").await;
                let grants = "password refresh_token client_credentials authorization_code";
                app.add_client_with("all", false, grants, &["orders:read"], |client| {
                    client.redirect_uris = vec![CALLBACK.into()];
                    client.first_party = true;
                })
                .await;
                let browser = app.signed_in("alice").await;
                let code = browser.code(&app.authorize(&[("client_id", "all"), ("scope", "orders:read")])).await;
                let signed_in = attempt(&app, Grant::Password, "", "").await;
                let refresh_token = signed_in.str("refresh_token");
                match user {
                    State::Enabled => {}
                    State::Disabled => app.disable_user("alice").await,
                    // No operation removes a user.
                    State::Gone => {
                        app.sql("DELETE FROM user_roles; DELETE FROM authorizations; DELETE FROM authorization_codes; DELETE FROM sessions; DELETE FROM users WHERE username = 'alice'").await;
                    }
                }
                match client {
                    State::Enabled => {}
                    State::Disabled => app.disable_client("all").await,
                    State::Gone => {
                        app.operate(|change| Box::pin(clients::remove(change, "all"))).await.unwrap();
                    }
                }
                let involves_user = *grant != Grant::ClientCredentials;
                let expected = if client != State::Enabled {
                    (401, "invalid_client")
                } else if involves_user && user != State::Enabled {
                    (400, "invalid_grant")
                } else {
                    (200, "")
                };
                assert_eq!(
                    attempt(&app, *grant, refresh_token, &code).await.error(),
                    expected,
                    "{grant:?}, user {user:?}, client {client:?}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_the_client_is_not_registered_for_is_closed() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("all", false, "", &["orders:read"]).await;
    for grant in Grant::ALL {
        assert_eq!(attempt(&app, *grant, "x", "x").await.error(), (400, "unauthorized_client"), "{grant:?}");
    }
}
