//! Clients that an administrator adds and clients that register themselves obey the same rules.

use serde_json::json;
use signet_issuer::admin::new_client::{ClientDraft, NewClient, Rules};
use signet_issuer::admin::{Refused, clients};
use signet_issuer::oauth::access::Access;

use crate::support::TestApp;

fn draft() -> ClientDraft {
    ClientDraft {
        client_name: "App".to_owned(),
        grant_types: vec!["authorization_code".to_owned()],
        redirect_uris: vec!["https://app.example/cb".to_owned()],
        token_endpoint_auth_method: Some("client_secret_basic".to_owned()),
        access: Some(Access::Everyone),
        ..ClientDraft::default()
    }
}

/// The fields at fault.
fn faults(change: impl Fn(&mut ClientDraft), self_registered: bool) -> Vec<&'static str> {
    let mut draft = draft();
    change(&mut draft);
    match NewClient::check(draft, Rules { self_registered, private_addresses: false, needs_group: true }) {
        Ok(_) => Vec::new(),
        Err(Refused::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        Err(other) => panic!("{other}"),
    }
}

/// A field, and a change that makes it wrong.
type Wrong = (&'static str, fn(&mut ClientDraft));

#[test]
fn both_obey_the_same_rules() {
    let rules: [Wrong; 11] = [
        ("client_name", |draft| draft.client_name = "\u{202e}".to_owned()),
        ("redirect_uris", |draft| draft.redirect_uris = vec!["http://app.example/cb".to_owned()]),
        ("redirect_uris", |draft| draft.redirect_uris.clear()),
        ("redirect_uris", |draft| draft.redirect_uris = (0..21).map(|number| format!("https://app.example/{number}")).collect()),
        ("grant_types", |draft| draft.grant_types = vec!["implicit".to_owned()]),
        ("token_endpoint_auth_method", |draft| draft.token_endpoint_auth_method = Some("client_secret_jwt".to_owned())),
        ("jwks", |draft| {
            draft.token_endpoint_auth_method = Some("private_key_jwt".to_owned());
            draft.metadata.jwks = Some(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1" }] }));
        }),
        ("jwks_uri", |draft| draft.metadata.jwks_uri = Some("http://app.example/jwks".to_owned())),
        ("policy_uri", |draft| draft.metadata.policy_uri = Some("javascript:alert(1)".to_owned())),
        ("scope", |draft| draft.scope = Some(vec!["\"".to_owned()])),
        ("scope", |draft| draft.scope = Some((0..20_000).map(|number| format!("s{number}")).collect())),
    ];
    for (field, change) in rules {
        for self_registered in [true, false] {
            assert_eq!(faults(change, self_registered), [field], "self-registered: {self_registered}");
        }
    }
}

#[test]
fn repeated_names_count_once() {
    let repeated = |draft: &mut ClientDraft| draft.scope = Some(vec!["orders:read".to_owned(); 20_000]);
    assert_eq!(faults(repeated, true), Vec::<&str>::new());
}

#[test]
fn keys_must_be_usable_where_any_method_will_do() {
    for (keys, expected) in [
        (json!([]), vec!["jwks"]),
        (json!([{ "kty": "EC", "crv": "P-256", "kid": "1" }]), vec!["jwks"]),
        (serde_json::Value::Null, Vec::new()),
    ] {
        let with_keys = |draft: &mut ClientDraft| {
            draft.token_endpoint_auth_method = None;
            draft.metadata.jwks = (!keys.is_null()).then(|| json!({ "keys": keys }));
        };
        for self_registered in [true, false] {
            assert_eq!(faults(with_keys, self_registered), expected, "{keys}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_disabled_already_stays_as_it_is() {
    let app = TestApp::new().await.with_orders().await;
    let set_enabled = async |enabled| app.operate(|change| Box::pin(clients::set_enabled(change, "shop", enabled))).await.unwrap();
    set_enabled(true).await;
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'client_enabled'").await, 0);
    set_enabled(false).await;
    let since = app.count("SELECT disabled_at FROM clients WHERE id = 'shop'").await;
    app.advance(60);
    assert!(!set_enabled(false).await.enabled);
    assert_eq!(app.count("SELECT disabled_at FROM clients WHERE id = 'shop'").await, since);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'client_disabled'").await, 1);
}

#[test]
fn all_faults_are_said_at_once() {
    let several = |draft: &mut ClientDraft| {
        draft.client_id = Some("7f9c24e5-2f1a-4c3e-9a5b-0d6e8f7a1b2c".to_owned());
        draft.client_name = String::new();
        draft.origins = vec!["https://app.example/path".to_owned()];
    };
    assert_eq!(faults(several, false), ["client_id", "client_name", "origins"]);
}

#[test]
fn those_that_register_themselves_are_allowed_less() {
    let password = |draft: &mut ClientDraft| draft.grant_types = vec!["authorization_code".to_owned(), "password".to_owned()];
    assert_eq!(faults(password, false), Vec::<&str>::new());
    assert_eq!(faults(password, true), ["grant_types"]);
    let none = |draft: &mut ClientDraft| draft.grant_types.clear();
    assert_eq!(faults(none, false), Vec::<&str>::new());
    assert_eq!(faults(none, true), ["grant_types"]);
}
