//! `signet keys` lists, rotates and revokes signing keys.

use serde_json::Value;

use crate::cli::with_orders;

#[test]
fn keys() {
    let signet = with_orders();
    let listed = signet.json(&["keys", "list"]);
    assert_eq!(listed[0]["state"], "active");
    let rotated = signet.json(&["keys", "rotate"]);
    assert_eq!((&rotated["state"], &rotated["signs_in"]), (&"published".into(), &900.into()));
    let again = signet.error(&["keys", "rotate"], "");
    assert!(again.contains("is published already; it signs from"), "{again}");
    let revoked = signet.json(&["keys", "revoke", listed[0]["kid"].as_str().unwrap()]);
    assert_eq!(revoked["active"], rotated["kid"]);
    let within = ["nodes", "verifiers", "verifiers_cut_off", "others"].map(|who| revoked[format!("{who}_notice_within")].clone());
    assert_eq!(within, [10.into(), 300.into(), 3900.into(), Value::Null]);
    let states: Vec<Value> = signet.json(&["keys", "list"]).as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["revoked", "active"]);
}

#[test]
fn a_revocation_says_what_holds_for_which_services() {
    let signet = with_orders();
    let kid = signet.json(&["keys", "list"])[0]["kid"].as_str().unwrap().to_owned();
    let said = signet.run(&["keys", "revoke", &kid]);
    assert!(said.success, "{}", said.stderr);
    let parts = [
        "within a second, and within 10 seconds at the latest",
        "feature `revocation`) refuse the key's tokens within about a second while",
        "signet-verifier without the feed refuse them within 5 minutes while",
        "refuse them within 65 minutes.",
        "another library",
        "jwks.json again",
    ];
    for part in parts {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
}
