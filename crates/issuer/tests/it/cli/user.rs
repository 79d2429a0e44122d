//! `signet user add` gives a user everything at once, with or without a password.

use crate::cli::{PASSWORD, with_orders};

#[test]
fn a_user_is_added_with_everything_at_once() {
    let signet = with_orders();
    signet.json(&["group", "add", "staff"]);
    signet.json(&["attribute", "add", "floors", "--type", "number", "--multi-valued"]);
    let everything = [
        "--email",
        "carol@example.com",
        "--email-verified",
        "--name",
        "Carol Moss",
        "--external-id",
        "e-7",
        "--claim",
        "nickname=Caz",
        "--attribute",
        "floors=1",
        "--attribute",
        "floors=2",
        "--role",
        "clerk",
        "--group",
        "staff",
        "--disabled",
    ];
    let added = signet.json(&[&["user", "add", "carol", "--no-password"][..], &everything].concat());
    let shown = signet.json(&["user", "show", "carol"]);
    assert_eq!((&shown["id"], &shown["email_verified"], &shown["enabled"]), (&added["id"], &true.into(), &false.into()), "{shown}");
    assert_eq!((&shown["external_id"], &shown["claims"]["nickname"]), (&"e-7".into(), &"Caz".into()), "{shown}");
    assert_eq!((&shown["attributes"]["floors"][1], &shown["groups"][0], &shown["roles"][0]), (&2.into(), &"staff".into(), &"clerk".into()));
    let export = signet.dir.path().join("users.jsonl");
    assert!(signet.run(&["user", "export", export.to_str().unwrap(), "--with-password-hashes"]).success);
    let lines = std::fs::read_to_string(export).unwrap();
    let line = lines.lines().find(|line| line.contains("carol")).unwrap();
    assert!(line.contains(r#""password_hash":null"#), "{line}");
    for (args, stdin) in [
        (&["user", "add", "dan", "--no-password", "--password-stdin"][..], PASSWORD),
        (&["user", "add", "dan", "--no-password", "--email-verified"], ""),
        (&["user", "add", "dan", "--no-password", "--external-id", "e-7"], ""),
    ] {
        signet.error(args, stdin);
    }
    assert!(!signet.run(&["user", "show", "dan"]).success);
}
