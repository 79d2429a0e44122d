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

    // No digit is lost: what readers of JSON round is refused.
    for given in ["9007199254740993", "12345678901234567890123", r#"{"a":[-9007199254740992]}"#, "1e300"] {
        let error = signet.error(&[&set[..], &[given]].concat(), "");
        assert!(error.contains("--value: expected numbers from -9007199254740991 to 9007199254740991"), "{given}: {error}");
    }
    for given in ["9007199254740991", "-9007199254740991", "0.25"] {
        signet.json(&[&set[..], &[given]].concat());
        assert_eq!(signet.json(&["client", "claim", "list", "wiki"])[0]["value"].to_string(), given);
    }
    signet.json(&[&set[..], &[r#"{"a":[1]}"#]].concat());
    let unknown = signet.error(&["client", "claim", "set", "wiki", "plan", "--from", "group"], "");
    assert!(unknown.contains("--from: expected one of groups, roles, sub, "), "{unknown}");
    for given in ["{bad", "", "gold", "[1", "1 2"] {
        let error = signet.error(&[&set[..], &[given]].concat(), "");
        assert!(error.contains("--value") && error.contains(r#"expected JSON, such as true, 7, "gold" or ["a", "b"]"#), "{given}: {error}");
    }
    assert_eq!(signet.json(&["client", "claim", "list", "wiki"])[0]["value"], json!({ "a": [1] }), "nothing refused was stored");
}

#[test]
fn a_group_map_says_which_equals_sign_ends_the_name() {
    let signet = with_orders();
    for group in ["a", "a=b", r"CORP\ops"] {
        signet.json(&["group", "add", group]);
    }
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--public"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"];
    signet.json(&[&client[..], &grants].concat());
    let set = ["client", "claim", "set", "wiki", "level"];
    // Either reading is possible, so it is refused, and the message says how to write each.
    let error = signet.error(&[&set[..], &["--group-value", "a=b=Admin"]].concat(), "");
    assert!(error.contains("--group-value") && error.contains(r"write \= for a ="), "{error}");
    assert!(signet.error(&[&set[..], &["--group-value", "a"]].concat(), "").contains("GROUP=VALUE"));
    let entry = |group: &str, value: &str| json!([{ "group": group, "value": value }]);
    for (given, map) in [
        ("a=Admin", entry("a", "Admin")),
        (r"a=b\=Admin", entry("a", "b=Admin")),
        (r"a\=b=Admin", entry("a=b", "Admin")),
        (r"a\=b=x\=\=", entry("a=b", "x==")),
        (r"CORP\ops=x\y", entry(r"CORP\ops", r"x\y")),
        (r"CORP\\ops=x\\", entry(r"CORP\ops", r"x\")),
    ] {
        let listed = signet.json(&[&set[..], &["--group-value", given]].concat());
        assert_eq!(listed[0]["map"], map, "{given}");
    }
    signet.json(&[&set[..], &["--group-value", "a=Admin", "--default", "Viewer"]].concat());
    signet.json(&["client", "claim", "set", "wiki", "few", "--value", r#"["a"]"#]);
    signet.json(&["client", "claim", "set", "wiki", "long", "--value", &format!("{:?}", "x".repeat(1000))]);
    let table = signet.run(&["client", "claim", "list", "wiki"]).stdout;
    assert!(table.contains(r#"a gives "Admin", otherwise "Viewer""#) && table.contains(r#"["a"]"#), "{table}");
    assert!(table.contains("x…") && table.lines().all(|line| line.chars().count() < 140), "{table}");
}

#[test]
fn json_that_has_a_member_twice_is_refused() {
    let signet = with_orders();
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"];
    let add = [&client[..], &grants].concat();
    let file = signet.dir.path().join("keys.json");
    std::fs::write(&file, r#"{"keys": [], "keys": []}"#).unwrap();
    let error = signet.error(&[&add[..], &["--jwks-file", file.to_str().unwrap()]].concat(), "");
    assert!(error.contains("--jwks-file") && error.contains("/keys is there twice"), "{error}");
    signet.json(&add);
    let set = ["client", "claim", "set", "wiki", "plan"];
    for given in [r#"{"a": 1, "a": 2}"#, r#"[{"b": {"a": 1, "a": 1}}]"#] {
        let error = signet.error(&[&set[..], &["--value", given]].concat(), "");
        assert!(error.contains("--value") && error.contains("/a is there twice"), "{given}: {error}");
    }
    signet.json(&["group", "add", "staff"]);
    let error = signet.error(&[&set[..], &["--group-value", r#"staff=={"a": 1, "a": 2}"#]].concat(), "");
    assert!(error.contains("/a is there twice"), "{error}");
}

#[test]
fn a_group_map_has_values_that_are_no_texts() {
    let signet = with_orders();
    signet.json(&["group", "add", "staff"]);
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--public"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"];
    signet.json(&[&client[..], &grants].concat());
    let set = ["client", "claim", "set", "wiki", "level", "--group-value"];
    for (given, default, value, otherwise) in [
        ("staff=7", "0", json!("7"), json!("0")),
        ("staff==7", "=0", json!(7), json!(0)),
        (r#"staff = = ["a\=b"]"#, r"\=0", json!(["a=b"]), json!("=0")),
        (r"staff=\=7", "a=b", json!("=7"), json!("a=b")),
    ] {
        signet.json(&[&set[..], &[given, "--default", default]].concat());
        let listed = signet.json(&["client", "claim", "list", "wiki"]);
        assert_eq!((&listed[0]["map"][0]["value"], &listed[0]["default"]), (&value, &otherwise), "{given}: {listed}");
    }
    assert!(signet.error(&[&set[..], &["staff==gold"]].concat(), "").contains("expected JSON after the second ="));
    assert!(signet.error(&[&set[..], &["staff=1", "--default", "=gold"]].concat(), "").contains("--default"));
}

#[test]
fn the_preview_of_a_removal_names_the_source_and_what_is_left() {
    let signet = with_orders();
    for group in ["staff", "board"] {
        signet.json(&["group", "add", group]);
    }
    signet.json(&["attribute", "add", "team", "--scope", "profile"]);
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--public"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid", "--scope", "profile"];
    signet.json(&[&client[..], &grants].concat());
    let by_scope = " Where the scope profile is granted, it gets the claim of this name that the scope gives instead.";
    let map = ["--group-value", "staff=Editor", "--group-value", "board=Admin", "--default", "Viewer"];
    let long = serde_json::to_string(&"x".repeat(1000)).unwrap();
    for (claim, source, places, told, rest) in [
        (
            "role",
            &map[..],
            "in ID tokens and UserInfo",
            r#"the group map: staff gives "Editor", board gives "Admin", otherwise "Viewer"."#,
            "",
        ),
        ("mail", &["--from", "email", "--only", "userinfo"], "in UserInfo", "the field email of the user.", ""),
        ("nickname", &["--from", "username", "--only", "id-token"], "in ID tokens", "the field username of the user.", by_scope),
        ("team", &["--attribute", "team"], "in ID tokens and UserInfo", "the attribute team.", by_scope),
        ("groups", &["--from", "groups"], "in ID tokens and UserInfo", "the groups of the user.", ""),
        ("long", &["--value", &long], "in ID tokens and UserInfo", "xxx….", ""),
    ] {
        signet.json(&[&["client", "claim", "set", "wiki", claim][..], source].concat());
        let preview = signet.run(&["client", "claim", "remove", "wiki", claim, "--dry-run"]).stdout;
        let (lost, source) = preview.trim_end().split_once(". Its value comes from ").unwrap_or_else(|| panic!("{preview}"));
        assert_eq!(lost, format!("Nothing was changed.\nWiki no longer gets the claim {claim} {places}"));
        assert!(source.ends_with(&format!("{told}{rest}")) && source.len() < 400, "{claim}: {preview}");
    }
    let json = signet.json(&["client", "claim", "remove", "wiki", "nickname", "--dry-run"]);
    assert_eq!(json["client_id"], "wiki");
    assert_eq!((&json["claim"], &json["source"], &json["field"]), (&json!("nickname"), &json!("user"), &json!("username")), "{json}");
    assert_eq!(json["by_scope"], "profile", "{json}");
    assert_eq!(signet.json(&["client", "claim", "list", "wiki"]).as_array().unwrap().len(), 6, "a preview changes nothing");
}
