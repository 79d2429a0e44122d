//! A user name has one form, however it is typed.

use signet_issuer::accounts::username;

#[test]
fn spellings_of_a_username_have_one_normal_form() {
    assert_eq!(username::validate(" Alice.Smith+x@Example.com "), Ok("alice.smith+x@example.com".to_owned()));
    // Full-width letters and the Kelvin sign are other spellings of ordinary letters.
    assert_eq!(username::validate("\u{ff21}lice\u{212a}"), Ok("alicek".to_owned()));
    for bad in ["", " ", ".alice", "al ice", "alіce", "a\0b", "álice", "a/b", "<b>", &"x".repeat(129)] {
        assert!(username::validate(bad).is_err(), "{bad:?}");
    }
}
