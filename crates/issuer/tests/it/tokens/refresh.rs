//! A refresh token that was changed or forged is refused, and the database holds nothing from which one can be made.

use proptest::prelude::*;
use signet_issuer::tokens::refresh::RefreshToken;

proptest! {
    #[test]
    fn no_text_panics_as_a_refresh_token(text in "[A-Za-z0-9_=.-]{0,100}") {
        let _ = RefreshToken::parse(&text);
    }
}
