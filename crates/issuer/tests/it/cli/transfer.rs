//! `signet user import` writes all lines or none, and `signet user export` writes a new file that only its owner can read.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use signet_issuer::store::{Store, registration_tokens};

use crate::cli::{Signet, with_orders};
use crate::support::START;

fn file(signet: &Signet, name: &str, text: impl AsRef<[u8]>) {
    std::fs::write(signet.dir.path().join(name), text).unwrap();
}

#[test]
fn a_file_with_a_wrong_line_changes_nothing() {
    let signet = with_orders();
    file(
        &signet,
        "users.jsonl",
        "{\"username\":\"alice\"}\n\n{\"username\":\"bob\",\"email\":\"bob\"}\r\nnot json\n{\"username\":\"carol\"}",
    );
    let out = signet.run(&["user", "import", "users.jsonl"]);
    assert!(!out.success, "{out:?}");
    assert_eq!(out.stdout.trim(), "Imported nothing, because 2 of 4 lines of users.jsonl were refused; standard error lists them.");
    let told: Vec<&str> = out.stderr.lines().collect();
    assert_eq!(told[0], "line 3: email: expected an address such as alice@example.com; found bob");
    assert!(told[1].starts_with("line 4: line: expected a JSON object on one line"), "{told:?}");
    assert_eq!((told.len(), signet.json(&["user", "list"]).as_array().unwrap().len()), (2, 1));
    let out = signet.run(&["user", "import", "users.jsonl", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!((&report["imported"], &report["refused"]), (&false.into(), &2.into()));
    assert_eq!((&report["faults"][0]["line"], &report["faults"][0]["faults"][0]["field"]), (&3.into(), &"email".into()));
}

#[test]
fn a_line_that_deceives_its_reader_is_refused() {
    let signet = with_orders();
    let lines = ["{\"username\":\"al\",\"attributes\":{\"\\u001b[31mRED\":1}}", "{\"username\":\"bo\",\"username\":\"admin2\"}", "[1]"];
    file(&signet, "users.jsonl", lines.join("\n"));
    let out = signet.run(&["user", "import", "users.jsonl"]);
    let told: Vec<&str> = out.stderr.lines().collect();
    assert!(!out.success && told.len() == 3 && !out.stderr.contains('\u{1b}'), "{out:?}");
    assert!(told[0].starts_with("line 1: ") && told[0].contains("<U+001B>[31mRED"), "{told:?}");
    assert!(told[1].starts_with("line 2: line: ") && told[1].ends_with("/username is there twice"), "{told:?}");
    assert!(told[2].starts_with("line 3: line: expected a JSON object such as"), "{told:?}");
}

#[test]
fn a_file_of_many_lines_is_imported_in_two_passes() {
    let signet = with_orders();
    let many: Vec<String> = (0..2500).map(|number| format!("{{\"username\":\"user{number}\",\"roles\":[\"clerk\"]}}\n")).collect();
    let many = many.concat();
    file(&signet, "users.jsonl", &many);
    let checked = signet.json(&["user", "import", "users.jsonl", "--check"]);
    assert_eq!((&checked["imported"], &checked["counts"]["added"]), (&false.into(), &2500.into()));
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 1);
    let out = signet.run(&["user", "import", "users.jsonl"]);
    assert!(out.success && out.stderr.is_empty(), "{out:?}");
    assert_eq!(out.stdout.trim(), "Imported 2500 lines: 2500 added, 0 changed, 0 unchanged.");
    // The list is printed in pages of 500, as one table or one JSON array.
    let listed = signet.json(&["user", "list"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[2500]["username"]), (2501, &"user999".into()));
    let table = signet.run(&["user", "list"]).stdout;
    assert_eq!((table.lines().count(), table.matches("USERNAME").count()), (2502, 1));
    assert_eq!(signet.json(&["user", "list", "--search", "USER24"]).as_array().unwrap().len(), 1 + 10 + 100);
    assert_eq!(signet.run(&["user", "list", "--search", "nobody"]).stdout.lines().count(), 1);
    assert_eq!(signet.json(&["user", "list", "--search", "nobody"]), serde_json::json!([]));
    assert_eq!(signet.json(&["client", "list", "--search", "cli"])[0]["client_id"], "cli");
    assert_eq!(signet.json(&["group", "list", "--search", "clerk"]), serde_json::json!([]));
    let again = signet.json(&["user", "import", "users.jsonl"]);
    assert_eq!((&again["counts"]["added"], &again["counts"]["unchanged"]), (&0.into(), &2500.into()));
    file(&signet, "users.jsonl", many.replace("\"user0\"", "\"user0\",\"name\":\"Zero\""));
    assert!(!signet.run(&["user", "import", "users.jsonl"]).success);
    assert_eq!(signet.json(&["user", "import", "users.jsonl", "--update"])["counts"]["updated"], 1);
    assert_eq!(signet.json(&["user", "show", "user0"])["name"], "Zero");
}

/// Returns how many transactions an import of `file` took.
fn transactions(signet: &Signet) -> usize {
    signet.json(&["audit", "list", "--event", "users_imported", "--limit", "200"]).as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_takes_short_turns_while_others_write() {
    let signet = with_orders();
    let line = |prefix: &str, number: u32| format!("{{\"username\":\"{prefix}{number}\"}}\n");
    let lines = |prefix: &str| (0..3000).map(|number| line(prefix, number)).collect::<Vec<_>>().concat();
    file(&signet, "one.jsonl", lines("one"));
    file(&signet, "two.jsonl", lines("two"));
    assert!(signet.run(&["user", "import", "one.jsonl"]).success);
    assert_eq!(transactions(&signet), 3, "a thousand lines each");

    let url = format!("sqlite:{}", signet.dir.path().join("signet.db").display()).try_into().unwrap();
    let server = Store::connect(&url, 1).await.unwrap();
    let mut import = signet.command(&[], &["user", "import", "two.jsonl"]).stdout(Stdio::null()).spawn().unwrap();
    let mut written = 0;
    let status = loop {
        registration_tokens::insert(server.writer(), &format!("token {written}"), 1, START).await.unwrap();
        written += 1;
        if let Some(status) = import.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success());
    assert!(transactions(&signet) > 3 + 3, "{written} writes of others, {} transactions", transactions(&signet));
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 6001);
}

#[test]
fn a_byte_order_mark_before_the_first_line_is_skipped() {
    let signet = with_orders();
    file(&signet, "users.jsonl", "\u{feff}{\"username\":\"alice\"}\r\n{\"username\":\"bob\"}\r\n");
    assert_eq!(signet.json(&["user", "import", "users.jsonl"])["counts"]["added"], 2);
    assert_eq!(signet.json(&["user", "import", "users.jsonl"])["counts"]["unchanged"], 2, "the same file again");
    // Alone it is an empty file. Elsewhere it is not JSON.
    file(&signet, "empty.jsonl", "\u{feff}");
    assert_eq!(signet.json(&["user", "import", "empty.jsonl"])["counts"]["added"], 0);
    file(&signet, "later.jsonl", "{\"username\":\"carol\"}\n\u{feff}{\"username\":\"dora\"}\n");
    let out = signet.run(&["user", "import", "later.jsonl"]);
    assert!(!out.success && out.stderr.ends_with("the text is not JSON: expected value at column 1\n"), "{out:?}");
}

#[test]
fn lines_that_never_end_are_refused_and_the_next_ones_are_read() {
    let signet = with_orders();
    let mut text = vec![b'x'; 300_000];
    text.extend(b"\n{\"username\":\"alice\",\"email\":5}\n");
    text.extend(vec![b'y'; 65_537]);
    text.extend(b"\n");
    text.extend(vec![b'z'; 65_538]);
    file(&signet, "users.jsonl", text);
    let out = signet.run(&["user", "import", "users.jsonl"]);
    let told: Vec<&str> = out.stderr.lines().collect();
    assert_eq!(told.len(), 4, "{told:?}");
    for (line, number) in [(told[0], 1), (told[2], 3), (told[3], 4)] {
        assert_eq!(line, format!("line {number}: line: expected at most 65536 bytes"));
    }
    assert!(told[1].starts_with("line 2: email: expected an address"), "{told:?}");
}

#[test]
fn a_file_that_is_no_list_of_users_is_named() {
    let signet = with_orders();
    file(&signet, "utf16.jsonl", b"\xff\xfe{\0}\0\n\0");
    file(&signet, "latin1.jsonl", b"{\"username\":\"alice\"}\n{\"username\":\"bob\",\"name\":\"B\xf6b\"}\n");
    let expected = "FILE: expected a regular file, because it is read twice";
    for (path, told) in [
        (".", format!("{expected}; . is a folder")),
        ("/dev/null", format!("{expected}; /dev/null is none")),
        ("nothing.jsonl", "FILE: expected a file that can be read; nothing.jsonl: No such file".to_owned()),
        ("utf16.jsonl", "utf16.jsonl: the text is in UTF-16, and expected in UTF-8".to_owned()),
    ] {
        let error = signet.error(&["user", "import", path], "");
        assert!(error.contains(&told), "{path}: {error}");
    }
    let out = signet.run(&["user", "import", "latin1.jsonl"]);
    assert_eq!(out.stderr.trim(), "line 2: line: expected text in UTF-8; byte 28 of the line is not");
    assert!(out.stdout.starts_with("Imported nothing, because 1 of 2 lines of latin1.jsonl were refused"), "{out:?}");
}

#[test]
fn an_export_moves_everybody_to_a_new_issuer() {
    let (old, new) = (with_orders(), with_orders());
    file(
        &old,
        "in.jsonl",
        "{\"username\":\"alice\",\"roles\":[\"clerk\"],\"password_hash\":\"$2b$08$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi\"}",
    );
    old.json(&["user", "import", "in.jsonl"]);
    old.json(&["user", "export", "all.jsonl", "--with-password-hashes"]);
    std::fs::copy(old.dir.path().join("all.jsonl"), new.dir.path().join("all.jsonl")).unwrap();
    let import = ["user", "import", "all.jsonl", "--update", "--allow-admin"];
    let out = new.run(&import);
    let admin = new.json(&["user", "show", "admin"])["id"].as_str().unwrap().to_owned();
    assert!(!out.success && out.stderr.contains(&format!("line 1: id: expected {admin}, which is the id of the user")), "{out:?}");
    assert!(out.stderr.contains("with `signet user import --keep-ids` they keep it"), "{out:?}");
    let out = new.run(&[&import[..], &["--keep-ids"]].concat());
    assert_eq!(
        out.stdout.trim(),
        "Imported 2 lines: 1 added, 1 changed, 0 unchanged. 1 user keeps the id that they have here in place of that of the file."
    );
    assert_eq!(new.json(&["user", "show", "admin"])["id"], admin.as_str());
    assert_eq!(new.json(&["user", "show", "alice"])["id"], old.json(&["user", "show", "alice"])["id"]);
    let again = new.json(&[&import[..], &["--keep-ids"]].concat());
    assert_eq!((&again["counts"]["unchanged"], &again["kept"]["ids"]), (&2.into(), &1.into()));
    // Where the first administrator gives the name up, the old one keeps the id, too.
    let third = with_orders();
    std::fs::copy(old.dir.path().join("all.jsonl"), third.dir.path().join("all.jsonl")).unwrap();
    third.json(&["user", "edit", "admin", "--rename", "setup"]);
    third.json(&["user", "release-name", "admin"]);
    assert_eq!(third.json(&["user", "import", "all.jsonl", "--allow-admin"])["counts"]["added"], 2);
    assert_eq!(third.json(&["user", "show", "admin"])["id"], old.json(&["user", "show", "admin"])["id"]);
    // The new issuer has hashed the password of the administrator, so that a hash of another system does not replace it.
    file(
        &new,
        "foreign.jsonl",
        "{\"username\":\"admin\",\"password_hash\":\"$2b$08$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi\"}",
    );
    let out = new.run(&["user", "import", "foreign.jsonl", "--update", "--check"]);
    let told =
        "0 unchanged. Nothing was written. 1 user keeps the password that Signet has hashed, which is newer than the hash of another";
    assert!(out.stdout.contains(&told.replace("0 unchanged", "1 unchanged")), "{out:?}");
}

#[test]
fn an_export_goes_into_a_new_file_of_its_owner() {
    let signet = with_orders();
    file(
        &signet,
        "in.jsonl",
        "{\"username\":\"alice\",\"password_hash\":\"$2b$08$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi\"}",
    );
    signet.json(&["user", "import", "in.jsonl"]);
    assert_eq!(signet.json(&["user", "export", "plain.jsonl"])["users"], 2);
    let out = signet.json(&["user", "export", "hashes.jsonl", "--with-password-hashes"]);
    assert_eq!((&out["users"], &out["with_password_hashes"]), (&2.into(), &true.into()));
    let read = |name: &str| std::fs::read_to_string(signet.dir.path().join(name)).unwrap();
    assert!(!read("plain.jsonl").contains("password") && read("hashes.jsonl").contains("$2b$08$"));
    for name in ["plain.jsonl", "hashes.jsonl"] {
        let mode = std::fs::metadata(signet.dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let error = signet.error(&["user", "export", "in.jsonl", "--with-password-hashes"], "");
    assert!(error.contains("FILE: expected a new file"), "{error}");
    assert!(read("in.jsonl").contains("alice"));
    // The same issuer reads its own export as what it has.
    let again = signet.json(&["user", "import", "hashes.jsonl", "--allow-admin"]);
    assert_eq!(again["counts"]["unchanged"], 2);
}
