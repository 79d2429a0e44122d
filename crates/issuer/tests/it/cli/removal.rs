//! Each command that removes or deletes something asks first, or wants `--yes`.

use std::collections::BTreeSet;

use super::{PASSWORD, Signet, with_orders};

/// Collects the words of every command that is called `remove` or `delete`, at or below `words`.
fn removals(signet: &Signet, words: &[String], found: &mut BTreeSet<String>) {
    let help = ["--help".to_owned()];
    let args: Vec<&str> = words.iter().chain(&help).map(String::as_str).collect();
    let output = signet.run(&args);
    assert!(output.success, "{words:?}: {}", output.stderr);
    if words.last().is_some_and(|last| ["remove", "delete"].contains(&last.as_str())) {
        assert!(output.stdout.contains("--yes") && output.stdout.contains("--dry-run"), "{words:?}: {}", output.stdout);
        found.insert(words.join(" "));
    }
    let commands = output.stdout.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        removals(signet, &[words, &[name.to_owned()]].concat(), found);
    }
}

#[test]
fn each_command_that_removes_something_asks_first() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    signet.json(&["group", "add", "staff", "--role", "clerk"]);
    signet.json(&["group", "members", "staff", "--add", "alice"]);
    signet.json(&["attribute", "add", "team"]);
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "groups", "--group", "staff", "--public"];
    signet.json(&[&client[..], &["--grant", "authorization_code", "--redirect-uri", "https://wiki.example/cb"]].concat());
    signet.json(&["client", "claim", "set", "wiki", "plan", "--value", "7"]);
    // The order is such that each still exists when its turn comes. Streams are made by their clients alone, see stream.rs.
    let walked: [(&[&str], &[&str], &str); 7] = [
        (
            &["client", "claim", "remove"],
            &["wiki", "plan"],
            "Wiki no longer gets the claim plan in ID tokens and UserInfo. Its value comes from the fixed value 7.",
        ),
        (&["client", "remove"], &["wiki"], "1 user would lose the client wiki: alice"),
        (&["group", "remove"], &["staff"], "1 user would lose the role clerk: alice"),
        (&["role", "remove"], &["clerk"], ""),
        (&["resource", "remove"], &["https://orders.example"], ""),
        (&["attribute", "remove"], &["team"], ""),
        (&["user", "delete"], &["alice"], ""),
    ];
    let mut found = BTreeSet::new();
    removals(&signet, &[], &mut found);
    assert!(found.remove("client stream remove"));
    assert_eq!(found, walked.iter().map(|(words, ..)| words.join(" ")).collect());
    for (words, operands, told) in walked {
        let command = [words, operands].concat();
        let dry = signet.run(&[&command[..], &["--dry-run"]].concat());
        assert!(dry.success && dry.stdout.contains(told), "{command:?}: {dry:?}");
        let error = signet.error(&command, "yes\n");
        assert!(error.contains("there is no terminal to ask on; use --yes"), "{command:?}: {error}");
        signet.json(&[&command[..], &["--yes"]].concat());
        let gone = signet.error(&[&command[..], &["--yes"]].concat(), "");
        assert!(gone.contains("there is no "), "{command:?}: {gone}");
    }
}

#[test]
fn a_role_is_delegated_when_it_is_added() {
    let signet = with_orders();
    signet.json(&["role", "add", "packer", "--scope", "orders:read", "--delegated"]);
    assert_eq!(signet.json(&["role", "show", "packer"])["delegated"], true);
    signet.json(&["role", "add", "plain"]);
    assert_eq!(signet.json(&["role", "show", "plain"])["delegated"], false);
    let error = signet.error(&["role", "add", "chief", "--scope", "admin:read", "--delegated"], "");
    assert!(error.contains("must not be delegated to the help desk"), "{error}");
    assert!(signet.error(&["role", "show", "chief"], "").contains("there is no role chief"));
}

#[test]
fn what_is_not_found_names_a_command_that_shows_what_there_is() {
    let signet = with_orders();
    signet.json(&["client", "add", "--id", "shop", "--name", "Shop", "--access", "everyone", "--grant", "client_credentials"]);
    signet.json_with(&["user", "add", "alice", "--password-stdin"], PASSWORD);
    for command in [
        &["client", "claim", "remove", "shop", "nosuch", "--yes"][..],
        &["client", "stream", "remove", "shop", "00000000-0000-0000-0000-000000000000", "--yes"],
        &["user", "consents", "alice", "--withdraw", "nosuch"],
        &["keys", "revoke", "nosuch"],
        &["role", "remove", "nosuch", "--yes"],
    ] {
        let said = signet.error(command, "");
        let named = said.split("`signet ").nth(1).and_then(|rest| rest.split('`').next()).unwrap_or_else(|| panic!("{said}"));
        let named = named.replace("CLIENT", "shop").replace("USER", "alice");
        let shown = signet.run(&named.split(' ').collect::<Vec<_>>());
        assert!(shown.success, "{named}: {shown:?}");
    }
}
