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
    let states: Vec<Value> = signet.json(&["keys", "list"]).as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["revoked", "active"]);
}
