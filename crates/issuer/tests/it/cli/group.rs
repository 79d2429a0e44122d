//! `signet group` and `signet role` from a script: groups with roles and members, and `--dry-run`.

use crate::cli::{PASSWORD, with_orders};

#[test]
fn scripts_can_set_groups_up_and_see_what_a_change_would_do() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    let added = signet.json(&["group", "add", "Clerks", "--role", "clerk", "--display-name", "The clerks", "--delegated"]);
    assert_eq!((added["version"].as_i64(), added["delegated"].as_bool()), (Some(0), Some(true)));
    signet.json(&["group", "members", "clerks", "--add", "alice", "--add", "admin"]);
    assert_eq!(signet.json(&["group", "show", "clerks"])["members"], 2);
    assert_eq!(signet.json(&["user", "show", "alice"])["groups"][0], "Clerks");
    let roles = signet.json(&["user", "roles", "alice"]);
    assert_eq!((roles["roles"].as_array().unwrap().len(), &roles["through_groups"][0]["through"]), (0, &"Clerks".into()));
    assert_eq!(signet.run(&["user", "roles", "alice"]).stdout, "clerk (through the group Clerks)\n");

    let dry = signet.run(&["role", "scopes", "clerk", "--remove", "orders:write", "--dry-run"]).stdout;
    assert_eq!(dry, "Nothing was changed.\n2 users would lose the scope orders:write: admin, alice\n");
    let dry = signet.run(&["group", "members", "clerks", "--remove", "alice", "--dry-run"]).stdout;
    assert_eq!(dry.lines().count(), 5, "{dry}");
    assert!(dry.contains("1 user would lose the group Clerks: alice"), "{dry}");
    for args in [&["group", "remove", "clerks", "--dry-run"][..], &["group", "edit", "clerks", "--remove-role", "clerk", "--dry-run"]] {
        assert_eq!(signet.json(args)["examined"], 2, "{args:?}");
    }
    assert_eq!(signet.json(&["role", "remove", "clerk", "--dry-run"])["effects"][0]["name"], "clerk");
    for (args, line) in [
        (&["user", "disable", "alice", "--dry-run"][..], "1 user would lose the scope orders:read: alice"),
        (&["user", "delete", "alice", "--dry-run"], "1 user would lose the role clerk: alice"),
        (&["user", "roles", "alice", "--add", "admin", "--dry-run"], "1 user would gain the scope admin: alice"),
    ] {
        let dry = signet.run(args).stdout;
        assert!(dry.contains(line), "{dry}");
        assert_eq!(signet.json(&["user", "show", "alice"])["enabled"], true, "{args:?} changed nothing");
    }
    let made = signet.json(&["user", "link", "alice"]);
    assert!(made["url"].as_str().unwrap().contains("/set-password?link="), "{made}");
    assert_ne!(signet.json(&["user", "link", made["id"].as_str().unwrap()])["url"], made["url"], "a user is named by id, too");
    let none = signet.run(&["group", "edit", "clerks", "--display-name", "", "--dry-run"]).stdout;
    assert_eq!(none, "Nothing was changed.\nThe roles, groups and applications of users stay as they are.\n");
    // A message names the options that the command has.
    for (options, named) in [
        (&["--add-role", "none"][..], "--add-role: expected existing roles"),
        (&["--add-role", "none", "--remove-role", "clerk"], "--add-role or --remove-role: expected existing roles"),
    ] {
        let error = signet.error(&[&["group", "edit", "clerks"], options].concat(), "");
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(signet.json(&["group", "show", "Clerks"])["display_name"], "The clerks");

    signet.json(&["group", "edit", "clerks", "--rename", "sales"]);
    let refused = signet.error(&["group", "add", "CLERKS"], "");
    assert!(refused.contains("`signet group release-name CLERKS`"), "{refused}");
    signet.json(&["group", "release-name", "clerks"]);
    signet.json(&["group", "add", "CLERKS"]);
    assert!(signet.error(&["group", "release-name", "clerks"], "").contains("nothing to release"));
    assert_eq!(signet.json(&["role", "users", "admin"])[0]["username"], "admin");
    let unknown = signet.error(&["group", "members", "sales", "--add", "nobody", "--dry-run"], "");
    assert!(unknown.contains("--add: expected usernames of users; there is no user nobody"), "{unknown}");
    signet.json(&["group", "remove", "sales", "--yes"]);
    assert_eq!(signet.json(&["group", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_trial_says_that_a_user_could_not_sign_in_and_why() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--public"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"];
    signet.json(&[&client[..], &grants].concat());
    let tried = ["client", "try", "wiki", "--user", "alice", "--scope", "openid"];
    assert_eq!(signet.json(&tried)["may_sign_in"], true);
    signet.json(&["user", "disable", "alice"]);
    let refused = signet.json(&tried);
    assert_eq!((&refused["may_sign_in"], &refused["obstacles"][0]), (&false.into(), &"The user is disabled.".into()));
    let text = signet.run(&tried).stdout;
    assert!(
        text.starts_with("The user could not sign in to this client. The user is disabled.\nIf they could, it would get this:\n"),
        "{text}"
    );
}
