//! Every grant × state of the user × state of the client: the check that one grant has, its siblings have too.

use signet_issuer::grants::Grant;

use crate::support::{Answer, PASSWORD, SECRET, TestApp};

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Enabled,
    Disabled,
    Gone,
}

async fn attempt(app: &TestApp, grant: Grant, refresh_token: &str) -> Answer {
    let mut form = vec![("grant_type", grant.name())];
    match grant {
        Grant::Password => form.extend([("username", "alice"), ("password", PASSWORD)]),
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
                app.add_client("all", false, "password refresh_token client_credentials", &["orders:read"]).await;
                let signed_in = attempt(&app, Grant::Password, "").await;
                let refresh_token = signed_in.str("refresh_token");
                match user {
                    State::Enabled => {}
                    State::Disabled => app.disable_user("alice").await,
                    State::Gone => {
                        app.sql("DELETE FROM user_roles; DELETE FROM authorizations; DELETE FROM users WHERE username = 'alice'").await;
                    }
                }
                match client {
                    State::Enabled => {}
                    State::Disabled => app.disable_client("all").await,
                    State::Gone => {
                        app.sql("DELETE FROM client_scopes; DELETE FROM authorizations; DELETE FROM clients WHERE id = 'all'").await;
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
                assert_eq!(attempt(&app, *grant, refresh_token).await.error(), expected, "{grant:?}, user {user:?}, client {client:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_the_client_is_not_registered_for_is_closed() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client("all", false, "", &["orders:read"]).await;
    for grant in Grant::ALL {
        assert_eq!(attempt(&app, *grant, "x").await.error(), (400, "unauthorized_client"), "{grant:?}");
    }
}
