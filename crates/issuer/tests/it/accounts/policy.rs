//! A new password may be long and odd, but neither short nor easy to guess.

use signet_issuer::accounts::policy::{self, PolicyError};

#[test]
fn passwords_may_be_long_and_odd_but_not_easy() {
    assert_eq!(policy::check("correct horse battery staple", &[]), Ok(()));
    assert_eq!(policy::check(&"ünïcödé 🔑 ".repeat(20), &[]), Ok(()));
    assert_eq!(policy::check("short7!", &[]), Err(PolicyError::Length));
    assert_eq!(policy::check(&"x".repeat(257), &[]), Err(PolicyError::Length));
    for easy in ["password", "password1", "12345678", "qwertyuiop", "iloveyou", "aaaaaaaaaaaa", "letmein1", "P@ssw0rd"] {
        assert_eq!(policy::check(easy, &[]), Err(PolicyError::Guessable), "{easy}");
    }
    assert_eq!(policy::check("alice@example.com", &["alice@example.com"]), Err(PolicyError::Guessable));
}

#[test]
fn lengths_are_counted_in_characters() {
    assert!(!policy::is_too_long(&"🔑".repeat(256)) && policy::is_too_long(&"🔑".repeat(257)));
    assert_eq!(policy::check(&"🔑".repeat(7), &[]), Err(PolicyError::Length));
}
