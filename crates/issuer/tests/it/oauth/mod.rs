//! Protocol values: what is read, what is refused, and that nothing panics.

use proptest::prelude::*;
use signet_issuer::oauth::application_type::ApplicationType;
use signet_issuer::oauth::form::Form;
use signet_issuer::oauth::issuer::Issuer;
use signet_issuer::oauth::redirect_uri;
use signet_issuer::oauth::scope::ScopeSet;
use signet_issuer::tokens::refresh::RefreshToken;

#[test]
fn issuers() {
    for (url, path) in [
        ("https://id.example", ""),
        ("https://id.example:8443/a/b", "/a/b"),
        ("http://localhost:8080", ""),
        ("http://[::1]:1", ""),
        ("http://127.0.0.2", ""),
    ] {
        assert_eq!(Issuer::parse(url).unwrap().path(), path, "{url}");
    }
    for bad in [
        "",
        "id.example",
        "http://id.example",
        "https://id.example/",
        "https://id.example/a/",
        "https://id.example?a",
        "https://id.example#a",
        "https://user@id.example",
        "https://ID.example",
        "https://id.example:443",
        "ftp://id.example",
        "http://localhost.evil.example",
        "https://id.example/a/../b",
        "http://0.0.0.0:8080",
        "https://id.example/:a",
        "https://id.example/*a",
        "http://192.168.0.1",
    ] {
        assert!(Issuer::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn redirect_uris_that_may_be_registered() {
    for good in [
        "https://app.example/cb",
        "https://app.example/cb?x=1",
        "http://localhost:3000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:1/cb",
        "com.example.app:/cb",
    ] {
        assert!(redirect_uri::validate(good, ApplicationType::Native).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/cb",
        "app.example",
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://user:pw@app.example/cb",
        "myapp:/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://app.example\\@evil.example/",
        "https://app.example/\tcb",
        "http://localhost.evil.example/cb",
        "https:///cb",
    ] {
        assert!(redirect_uri::validate(bad, ApplicationType::Native).is_err(), "{bad}");
    }
}

proptest! {
    /// What a form encoder writes is read back, and nothing else is made of it.
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

    #[test]
    fn scopes_are_sets(text in "[ -~]{0,60}") {
        if let Ok(set) = ScopeSet::parse(&text) {
            prop_assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
        } else {
            prop_assert!(text.contains(['"', '\\']));
        }
    }

    #[test]
    fn no_text_panics_as_a_refresh_token(text in "[A-Za-z0-9_=.-]{0,100}") {
        let _ = RefreshToken::parse(&text);
    }
}
