//! Forms are read as they were written, a repeated name is refused, and no body makes the parser panic.

use proptest::prelude::*;
use signet_issuer::oauth::form::Form;

proptest! {
    /// The parser reads back exactly the parameters that a form encoder wrote.
    #[test]
    fn forms_round_trip(pairs in prop::collection::hash_map("[^\0]{1,12}", "[^\0]{1,40}", 0..8)) {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let form = Form::parse(encoded.as_bytes()).unwrap();
        for (name, value) in &pairs {
            prop_assert_eq!(form.get(name), Some(value.as_str()));
        }
    }

    #[test]
    fn no_body_panics(body in any::<Vec<u8>>()) {
        let _ = Form::parse(&body);
    }

    #[test]
    fn a_repeated_name_is_refused_however_it_is_written(name in "[a-z_]{1,10}") {
        let escaped: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let escaped = escaped.concat();
        let body = format!("{name}=1&{escaped}=2");
        prop_assert!(Form::parse(body.as_bytes()).is_err());
    }
}
