use signet_issuer::accounts::policy::{self, PolicyError};
use signet_issuer::accounts::username;

#[test]
fn user_names_have_one_form() {
    assert_eq!(username::validate(" Alice.Smith+x@Example.com "), Ok("alice.smith+x@example.com".to_owned()));
    // Full-width letters and the Kelvin sign are other ways of writing the same.
    assert_eq!(username::validate("\u{ff21}lice\u{212a}"), Ok("alicek".to_owned()));
    for bad in ["", " ", ".alice", "al ice", "alіce", "a\0b", "álice", "a/b", "<b>", &"x".repeat(129)] {
        assert!(username::validate(bad).is_err(), "{bad:?}");
    }
}

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
fn lengths_are_characters() {
    assert!(!policy::is_too_long(&"🔑".repeat(256)) && policy::is_too_long(&"🔑".repeat(257)));
    assert_eq!(policy::check(&"🔑".repeat(7), &[]), Err(PolicyError::Length));
}
