//! A refresh token that was changed or forged is refused, and the database holds nothing from which one can be made.

use proptest::prelude::*;
use signet_issuer::store::authorizations::AuthorizationRow;
use signet_issuer::tokens::refresh::{self, RefreshToken};

use crate::support::TestApp;

async fn signed_in() -> (TestApp, String) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let token = app.sign_in("alice", "openid orders:read orders:write").await.str("refresh_token").to_owned();
    (app, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_tokens_are_refused_and_end_nothing() {
    let (app, token) = signed_in().await;
    let bytes = token.as_bytes();
    for position in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(app.refresh(&changed).await.error(), (400, "invalid_grant"), "{position}");
    }
    for changed in [&token[..token.len() - 1], &token[1..], &format!("{token}A"), &format!("{token}="), &token.to_uppercase(), "x"] {
        assert_eq!(app.refresh(changed).await.error(), (400, "invalid_grant"), "{changed}");
    }
    assert_eq!(app.refresh(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_nothing_that_can_be_replayed() {
    let (app, token) = signed_in().await;
    let id = RefreshToken::parse(&token).unwrap().authorization;
    let (row, _) = app.app.store.authorization(id).await.unwrap().unwrap();
    // A thief of the database knows the whole row. Only the right master key makes the token from it.
    assert_eq!(refresh::encode(&row, &app.app.master).unwrap(), token);
    let thief = TestApp::new().await;
    let forged = refresh::encode(&row, &thief.app.master).unwrap();
    assert_eq!(app.refresh(&forged).await.error(), (400, "invalid_grant"));
    let salted = AuthorizationRow { salt: vec![0; 16], ..row };
    assert_eq!(app.refresh(&refresh::encode(&salted, &app.app.master).unwrap()).await.error(), (400, "invalid_grant"));
    assert_eq!(app.refresh(&token).await.status, 200, "forgeries end nothing");
}

proptest! {
    #[test]
    fn no_text_panics_as_a_refresh_token(text in "[A-Za-z0-9_=.-]{0,100}") {
        let _ = RefreshToken::parse(&text);
    }
}
