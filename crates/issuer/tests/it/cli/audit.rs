//! `signet audit` prints the trail as a table, JSON Lines, CSV or one JSON value.

use std::process::Command;

use serde_json::Value;

use super::{PASSWORD, serve};
use crate::cli::{Signet, full, with_orders};

fn filled() -> Signet {
    let signet = with_orders();
    let name = "=HYPERLINK(\"http://evil.example\")";
    signet.json_with(&["user", "add", "alice", "--name", name, "--role", "clerk", "--password-stdin"], PASSWORD);
    signet.json(&["user", "disable", "alice"]);
    signet
}

#[test]
fn the_trail_is_printed_in_every_format() {
    let signet = filled();
    let all = signet.json(&["audit", "list"]);
    let all = all.as_array().unwrap();
    assert_eq!(
        (&all[0]["event"], &all[0]["actor_kind"], &all[0]["username"]),
        (&"user_disabled".into(), &"operator".into(), &"alice".into())
    );
    let lines = signet.run(&["audit", "list", "--format", "jsonl"]).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines, all);
    let table = signet.run(&["audit", "list", "--user", "alice"]).stdout;
    assert!(
        table.starts_with("AT ") && table.lines().count() == 3 && table.contains("  user_disabled  user alice  operator  alice"),
        "{table}"
    );
    let csv = signet.run(&["audit", "list", "--event", "user_added", "--format", "csv", "--limit", "1"]).stdout;
    assert!(csv.starts_with("id,at,event,") && csv.ends_with('\n') && csv.contains(r#"""email"":null"#), "{csv}");
    assert_eq!(signet.json(&["audit", "list", "--event", "consent_given"]), serde_json::json!([]));
    assert_eq!(signet.run(&["audit", "list", "--event", "consent_given", "--format", "jsonl"]).stdout, "");
    assert_eq!(signet.json(&["audit", "list", "--limit", "2"]).as_array().unwrap().len(), 2);
    // One event, and the events of one object.
    let shown = signet.json(&["audit", "show", &all[0]["id"].to_string()]);
    assert_eq!((&shown, &shown["object_kind"], &shown["object_name"]), (&all[0], &"user".into(), &"alice".into()));
    let of_clerk = signet.json(&["audit", "list", "--object", "role:clerk"]);
    let of_clerk = of_clerk.as_array().unwrap();
    assert!(!of_clerk.is_empty() && of_clerk.iter().all(|event| event["object_name"] == "clerk"), "{of_clerk:?}");
}

#[test]
fn mistakes_are_named_by_the_options() {
    let signet = with_orders();
    for (arguments, start) in [
        (["--event", "nonsense"], "signet: --event: expected the name of an event"),
        (["--from", "now"], "signet: --from: expected a day such as 2026-01-31, or a time in RFC 3339"),
        (["--object", "clerk"], "signet: --object: expected attribute:NAME, group:NAME"),
        (["--object", "group:nobody"], "signet: there is no group nobody"),
        (["--address", "here"], "signet: --address: expected an IP address"),
        (["--user", "nobody"], "signet: there is no user nobody"),
        (["--user=nobody", "--from=now"], "signet: --from: expected a day such as 2026-01-31"),
    ] {
        let line = signet.error(&[&["audit", "list"], arguments.as_slice()].concat(), "");
        assert!(line.starts_with(start), "{line}");
    }
    assert!(signet.error(&["audit", "list", "--user", "nobody", "--from", "now"], "").contains("; --user: expected the name of a user"));
    assert!(signet.error(&["audit", "show", "999999"], "").starts_with("signet: there is no event 999999; `signet audit list`"));
    assert!(signet.error(&["audit", "activity", "--hours", "0"], "").starts_with("signet: --hours: expected 1 to "));
    assert!(signet.error(&["audit", "refusals", "nobody"], "").starts_with("signet: there is no client nobody"));
    let output = signet.command(&[], &["audit", "list"]).stdout(full()).output().unwrap();
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().ends_with("the list is not complete\n"));
}

#[test]
fn a_server_that_stops_stores_what_it_counted() {
    let signet = filled();
    let (child, port) = serve::serve(&signet, std::process::Stdio::piped());
    serve::post_token(port, "grant_type=password&client_id=cli&username=nobody&password=wrong");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait_with_output().unwrap().status.success());
    let hours = signet.json(&["audit", "activity", "--hours", "2"]);
    let failed: i64 = hours.as_array().unwrap().iter().map(|hour| hour["failed_sign_ins"].as_i64().unwrap()).sum();
    assert_eq!(failed, 1, "{hours}");
    let refusals = signet.json(&["audit", "refusals", "cli"]);
    assert_eq!((&refusals[0]["error"], refusals.as_array().unwrap().len()), (&"invalid_grant".into(), 1), "{refusals}");
}
