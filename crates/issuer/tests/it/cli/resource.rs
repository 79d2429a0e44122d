//! `signet resource edit` and `remove` from a script: scopes are added, described and removed, and `--dry-run` says who would lose what.

use serde_json::json;

use crate::cli::{PASSWORD, with_orders};

const EDIT: [&str; 3] = ["resource", "edit", "https://orders.example"];

#[test]
fn scripts_can_change_the_scopes_of_a_resource_and_see_before_who_loses_what() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--role", "clerk", "--password-stdin"], PASSWORD);
    let client = ["client", "add", "--id", "shop", "--name", "Shop", "--access", "everyone", "--public", "--grant", "password"];
    signet.json(&[&client[..], &["--resource", "https://orders.example", "--scope", "orders:write"]].concat());
    let edit = |more: &[&'static str]| [&EDIT[..], more].concat();
    let change = ["--remove-scope", "orders:write", "--add-scope", "orders:cancel=Cancel orders", "--add-scope", "orders:read=See them"];

    let dry = signet.run(&edit(&[&change[..], &["--dry-run"]].concat())).stdout;
    let expected = "Nothing was changed.\n\
        scopes: orders:read=See orders, orders:write=Change orders -> orders:cancel=Cancel orders, orders:read=See them\n\
        1 role would lose the scope orders:write: clerk\n\
        1 client could no longer ask for the scope orders:write: shop\n\
        1 user would lose the scope orders:write: alice\n";
    assert_eq!(dry, expected);
    let dry = signet.json(&edit(&["--remove-scope", "orders:write", "--dry-run"]));
    assert_eq!((&dry["scopes"][0]["clients"], &dry["effects"][0]["users"]), (&json!(["shop"]), &json!(["alice"])), "{dry}");
    assert_eq!(signet.run(&edit(&["--name", "Orders", "--dry-run"])).stdout.lines().nth(1), Some("The resource is so already."));
    assert_eq!(signet.json(&["role", "list"])[1]["scopes"], json!(["orders:read", "orders:write"]), "nothing was changed");

    let edited = signet.json(&edit(&change));
    let scopes = json!([{ "name": "orders:cancel", "description": "Cancel orders" }, { "name": "orders:read", "description": "See them" }]);
    assert_eq!((&edited["scopes"], &edited["version"]), (&scopes, &json!(1)), "{edited}");
    assert_eq!(signet.json(&["role", "list"])[1]["scopes"], json!(["orders:read"]));
    assert_eq!(signet.json(&["client", "show", "shop"])["scope"], "");
    // An empty description leaves the one that the scope has.
    assert_eq!(signet.json(&edit(&["--add-scope", "orders:read"]))["version"], 1);

    for (more, reason) in [
        (&["--remove-scope", "orders:write"][..], "--add-scope or --remove-scope: expected one of the scopes of the resource"),
        (&["--remove-scope", "admin"], "found admin"),
        (
            &["--add-scope", "admin=Everything"],
            "--add-scope or --remove-scope: expected names that no other resource owns; found admin, which belongs to",
        ),
        (&["--add-scope", "two words=Two"], "without spaces"),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let refused = signet.error(&edit(&[more, dry].concat()), "");
            assert!(refused.contains(reason), "{more:?}: {refused}");
        }
    }
}

#[test]
fn scripts_can_see_before_the_removal_of_a_resource_who_loses_what() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--role", "clerk", "--password-stdin"], PASSWORD);
    let client = ["client", "add", "--id", "shop", "--name", "Shop", "--access", "everyone", "--public", "--grant", "password"];
    signet.json(&[&client[..], &["--resource", "https://orders.example", "--scope", "orders:write"]].concat());
    let remove = ["resource", "remove", "https://orders.example", "--yes"];
    let dry = ["resource", "remove", "https://orders.example", "--dry-run"];
    let expected = "Nothing was changed.\n\
        1 role would lose the scope orders:read: clerk\n\
        1 role would lose the scope orders:write: clerk\n\
        1 client could no longer ask for the scope orders:write: shop\n\
        1 user would lose the scope orders:read: alice\n\
        1 user would lose the scope orders:write: alice\n";
    assert_eq!(signet.run(&dry).stdout, expected);
    assert_eq!(signet.json(&dry)["scopes"][1]["clients"], json!(["shop"]));
    let before = signet.json(&["client", "show", "shop"]);
    assert_eq!(before["scope"], "orders:write", "nothing was changed");
    assert_eq!(signet.json(&remove)["removed"], true);
    let after = signet.json(&["client", "show", "shop"]);
    assert_eq!(
        (&after["scope"], after["version"].as_i64()),
        (&json!(""), before["version"].as_i64().map(|version| version + 1)),
        "{after}"
    );
    for again in [&remove[..], &dry] {
        let refused = signet.error(again, "");
        assert!(refused.contains("https://orders.example"), "{refused}");
    }
}

#[test]
fn a_new_resource_says_what_its_tokens_tell() {
    let signet = with_orders();
    let add = |identifier: &'static str, more: &[&'static str]| [&["resource", "add", identifier, "--name", "B"], more].concat();
    signet.json(&add("https://b.example", &["--token-claims", "roles,groups", "--group-prefix", "b-"]));
    signet.json(&add("https://c.example", &[]));
    let told = |identifier: &str| {
        let shown = signet.json(&["resource", "show", identifier]);
        (shown["token_claims"].clone(), shown["group_prefix"].clone())
    };
    assert_eq!(told("https://b.example"), (json!(["groups", "roles"]), json!("b-")));
    assert_eq!(told("https://c.example"), (json!([]), json!("")));
}
