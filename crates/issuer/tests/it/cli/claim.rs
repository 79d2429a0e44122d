//! `signet client claim` from a script: a fixed value is JSON.

use serde_json::{Value, json};

use crate::cli::{PASSWORD, with_orders};

#[test]
fn a_fixed_value_is_stored_as_the_json_that_was_given() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--public"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"];
    signet.json(&[&client[..], &grants].concat());
    let set = ["client", "claim", "set", "wiki", "plan", "--value"];
    for (given, value) in [
        (r#"{"a":[1]}"#, json!({ "a": [1] })),
        (r#"["a", "b"]"#, json!(["a", "b"])),
        ("true", json!(true)),
        ("null", Value::Null),
        (r#""x""#, json!("x")),
    ] {
        signet.json(&[&set[..], &[given, "--shape", "list"]].concat());
        let listed = signet.json(&["client", "claim", "list", "wiki"]);
        assert_eq!((&listed[0]["claim"], listed[0].get("value")), (&json!("plan"), Some(&value)), "{given}: {listed}");
    }
    signet.json(&[&set[..], &[r#"{"a":[1]}"#]].concat());
    let tried = signet.json(&["client", "try", "wiki", "--user", "alice", "--scope", "openid"]);
    let claims = tried["places"][0]["claims"].as_array().unwrap();
    let plan = claims.iter().find(|claim| claim["claim"] == "plan").unwrap();
    assert_eq!(plan["value"], json!({ "a": [1] }), "{tried}");

    for given in ["{bad", "", "gold", "[1", "1 2"] {
        let error = signet.error(&[&set[..], &[given]].concat(), "");
        assert!(error.contains("--value") && error.contains(r#"expected JSON, such as true, 7, "gold" or ["a", "b"]"#), "{given}: {error}");
    }
    assert_eq!(signet.json(&["client", "claim", "list", "wiki"])[0]["value"], json!({ "a": [1] }), "nothing refused was stored");
}
