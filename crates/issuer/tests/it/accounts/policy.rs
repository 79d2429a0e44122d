//! A new password may be long and odd, but neither short nor easy to guess.

use signet_issuer::accounts::policy::{self, PolicyError};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn passwords_may_be_long_and_odd_but_not_easy() {
    let app = TestApp::new().await;
    let score = |password: &str| {
        let (app, password) = (&app, password.to_owned());
        async move { policy::check_score(&app.app, &password.into(), &["alice@example.com"]).await.unwrap() }
    };
    assert_eq!(score("correct horse battery staple").await, Ok(()));
    assert_eq!(score(&"ünïcödé 🔑 ".repeat(20)).await, Ok(()));
    for easy in ["password", "password1", "12345678", "qwertyuiop", "iloveyou", "aaaaaaaaaaaa", "letmein1", "P@ssw0rd", "alice@example.com"]
    {
        assert_eq!(score(easy).await, Err(PolicyError::Guessable), "{easy}");
    }
}

#[test]
fn lengths_are_counted_in_characters_as_people_see_them() {
    assert!(!policy::is_too_long(&"🔑".repeat(256)) && policy::is_too_long(&"🔑".repeat(257)));
    assert!(!policy::is_too_long(&"a\u{308}".repeat(256)) && policy::is_too_long(&"a\u{308}".repeat(257)), "composed, these are 256");
    assert_eq!(policy::check_form(&"🔑".repeat(7)), Err(PolicyError::Length));
    assert_eq!(policy::check_form(&"a\u{308}".repeat(7)), Err(PolicyError::Length));
    assert_eq!(policy::check_form(&"x".repeat(257)), Err(PolicyError::Length));
    assert_eq!(policy::check_form("short7!"), Err(PolicyError::Length));
    assert_eq!(policy::check_form("with a \0 inside"), Err(PolicyError::Nul));
    assert_eq!(policy::check_form("correct horse battery staple"), Ok(()));
}
