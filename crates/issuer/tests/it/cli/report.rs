//! A command prints its result, and at the first start the password and a command to try; where it cannot print, it fails.

use serde_json::Value;

use crate::cli::{Signet, full, with_orders};

#[test]
fn the_first_command_prints_the_password_once() {
    let signet = Signet::new();
    let first = signet.run(&["migrate"]);
    assert!(first.success && first.stdout.contains("password  ") && first.stdout.contains("curl -d grant_type=password"), "{first:?}");
    let second = signet.run(&["migrate"]);
    assert_eq!(second.stdout, "The database is up to date.\n");
    // A command that is not the start itself says so beside its own result.
    let signet = Signet::new();
    let out = signet.run(&["user", "list", "--json"]);
    assert!(out.stderr.contains("password  ") && serde_json::from_str::<Value>(&out.stdout).is_ok(), "{out:?}");
}

#[test]
fn a_curl_line_is_printed_only_where_its_client_exists() {
    let signet = Signet::new();
    let out = signet.run_with(&[("SIGNET_ISSUER", "https://id.example")], &["migrate"], "");
    assert!(out.stdout.contains("password  ") && out.stdout.contains("https://id.example/account"), "{out:?}");
    assert!(!out.stdout.contains("curl"), "{out:?}");
}

#[test]
fn where_nothing_can_be_shown_a_command_says_so_and_fails() {
    let signet = with_orders();
    let output = signet.command(&[], &["user", "list"]).stdout(full()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.starts_with("signet: standard output: "), "{stderr}");
}
