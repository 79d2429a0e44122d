//! A scope that is parsed and written again stays the same set of names.

use proptest::prelude::*;
use signet_issuer::oauth::scope::ScopeSet;

proptest! {
    #[test]
    fn scopes_are_sets(text in "[ -~]{0,60}") {
        if let Ok(set) = ScopeSet::parse(&text) {
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
        } else {
            prop_assert!(text.contains(['"', '\\']));
        }
    }
}
