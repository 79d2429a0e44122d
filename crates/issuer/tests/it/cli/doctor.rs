//! `signet doctor` says what keeps the server from starting, and changes nothing.

use std::process::Stdio;

use crate::cli::serve::serve;
use crate::cli::{Signet, free_address, with_orders};

#[test]
fn doctor_tells_what_is_wrong_and_changes_nothing() {
    let signet = Signet::new();
    let out = signet.run(&["doctor"]);
    assert!(!out.success && out.stdout.contains("FAIL database"), "{out:?}");
    assert_eq!(std::fs::read_dir(signet.dir.path()).unwrap().count(), 0);
    assert!(signet.run(&["migrate"]).success);
    let out = signet.run(&["doctor"]);
    assert!(out.success && out.stdout.lines().all(|line| line.starts_with("ok ")), "{out:?}");
    std::fs::remove_file(signet.dir.path().join("keys/master.json")).unwrap();
    let out = signet.run(&["doctor"]);
    assert!(!out.success && out.stdout.contains("FAIL master key"), "{out:?}");
}

#[test]
fn the_issuers_name_is_no_other_resources() {
    let signet = with_orders();
    let settings = [("SIGNET_LISTEN", &*free_address()), ("SIGNET_ISSUER", "https://id.example"), ("SIGNET_TRUSTED_PROXIES", "")];
    for own in ["https://id.example", "https://id.example/userinfo"] {
        signet.json(&["resource", "add", own, "--name", "Clash"]);
        for command in ["serve", "doctor"] {
            let out = signet.run_with(&settings, &[command], "");
            assert!(!out.success);
            let said = format!("{}{}", out.stdout, out.stderr);
            assert!(said.contains(&format!("{own} is registered as a resource")), "{said}");
        }
        let removed = signet.run_with(&settings, &["resource", "remove", own, "--yes"], "");
        assert!(removed.success, "{removed:?}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_stops_the_server_and_can_be_taken_out() {
    let signet = Signet::new();
    assert!(signet.run(&["migrate"]).success);
    let kid = signet.json(&["keys", "list"])[0]["kid"].as_str().unwrap().to_owned();
    let file = signet.dir.path().join("signet.db");
    crate::support::execute(&format!("sqlite:{}", file.display()), "UPDATE signing_keys SET sealed_private = 'damaged'").await;
    let out = signet.run(&["serve"]);
    assert!(!out.success && out.stderr.contains(&format!("signing key {kid}")), "{out:?}");
    let out = signet.run(&["doctor"]);
    assert!(!out.success && out.stdout.matches("FAIL ").count() == 1, "{out:?}");
    assert!(out.stdout.contains(&format!("FAIL signing key: {kid} cannot be used")), "{out:?}");
    assert_eq!(signet.json(&["keys", "revoke", &kid])["state"], "revoked");
    assert!(signet.run(&["doctor"]).success);
}

#[test]
fn a_damaged_file_is_found() {
    let signet = with_orders();
    let file = signet.dir.path().join("signet.db");
    // The write-ahead log of a database that was killed damages a backup that takes its place, and so do other bytes in some of its pages.
    let mut bytes = std::fs::read(&file).unwrap();
    let (page, pages) = (4096, bytes.len() / 4096);
    assert!(pages > 60, "{pages}");
    for number in pages - 20..pages {
        bytes[number * page..number * page + 200].fill(0xff);
    }
    std::fs::write(&file, bytes).unwrap();
    let out = signet.run(&["doctor"]);
    assert!(!out.success && out.stdout.contains("FAIL database"), "{out:?}");
    assert!(out.stdout.contains("restore a backup, as docs/deploy.md says"), "{out:?}");
}

#[test]
fn an_https_issuer_must_say_which_proxies_it_trusts() {
    let signet = Signet::new();
    assert!(signet.run(&["migrate"]).success);
    let listen = free_address();
    let https = [("SIGNET_LISTEN", &*listen), ("SIGNET_ISSUER", "https://id.example")];
    let out = signet.run_with(&https, &["serve"], "");
    assert!(!out.success && out.stderr.contains("setting trusted_proxies: expected the networks of the TLS front"), "{out:?}");
    let out = signet.run_with(&https, &["doctor"], "");
    assert!(!out.success && out.stdout.contains("FAIL trusted_proxies: setting trusted_proxies: expected the networks"), "{out:?}");
    for (proxies, detail) in [
        ("", "it is empty, so each request counts"),
        ("10.0.0.0/8, 127.0.0.1", "requests from 10.0.0.0/8, 127.0.0.1/32 count for the address that they name in X-Forwarded-For"),
    ] {
        let out = signet.run_with(&[&https[..], &[("SIGNET_TRUSTED_PROXIES", proxies)]].concat(), &["doctor"], "");
        assert!(out.stdout.contains(&format!("ok   trusted_proxies: {detail}")), "{out:?}");
    }
    for everything in ["0.0.0.0/0", "10.0.0.0/8, ::/0"] {
        let out = signet.run_with(&[&https[..], &[("SIGNET_TRUSTED_PROXIES", everything)]].concat(), &["doctor"], "");
        assert!(!out.success && out.stdout.contains("FAIL trusted_proxies: it holds every address"), "{out:?}");
    }
    // The file says the same by an empty list.
    std::fs::write(signet.dir.path().join("signet.toml"), "trusted_proxies = []\n").unwrap();
    assert!(signet.run_with(&https, &["doctor"], "").stdout.contains("ok   trusted_proxies: it is empty"));
}

#[test]
fn doctor_explains_who_can_read_the_files_with_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let signet = Signet::new();
    assert!(signet.run(&["migrate"]).success);
    for (path, mode, expected) in [
        ("keys/master.json", 0o640, Ok("ok   master key: keys/master.json has mode 0640, so the group")),
        ("keys/master.json", 0o644, Err("FAIL master key: keys/master.json has mode 0644, so other users of this machine can read it")),
        ("signet.db", 0o660, Ok("ok   database file: signet.db has mode 0660, so the group")),
        ("signet.db", 0o644, Err("FAIL database file: signet.db has mode 0644, so other users of this machine can read it")),
        ("keys", 0o750, Ok("ok   keys_dir: keys has mode 0750, so others see which files are in it")),
        (
            "keys",
            0o755,
            Err("FAIL keys_dir: keys has mode 0755, so other users of this machine see which files are in it; `chmod 700 keys`"),
        ),
        ("keys", 0o710, Ok("ok   keys_dir: keys has mode 0710, so others can reach a file in it by its name")),
        ("keys", 0o711, Err("FAIL keys_dir: keys has mode 0711, so other users of this machine can reach a file in it by its name")),
        ("keys", 0o1777, Ok("ok   keys_dir: keys has mode 1777, so others see which files are in it")),
        ("keys", 0o777, Err("FAIL keys_dir: keys has mode 0777, so other users of this machine can replace the master key")),
    ] {
        let path = signet.dir.path().join(path);
        let before = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let out = signet.run(&["doctor"]);
        std::fs::set_permissions(&path, before).unwrap();
        let line = expected.unwrap_or_else(|line| line);
        assert!(out.success == expected.is_ok() && out.stdout.contains(line), "{}", out.stdout);
    }
}

#[test]
fn an_own_keys_folder_is_made_private_at_the_start_and_no_other() {
    use std::fs::{Permissions, metadata, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;
    let signet = Signet::new();
    let keys = signet.dir.path().join("keys");
    let set = |mode: u32| set_permissions(&keys, Permissions::from_mode(mode)).unwrap();
    let mode = || metadata(&keys).unwrap().permissions().mode() & 0o7777;
    // As in a clone of the repository.
    std::fs::create_dir(&keys).unwrap();
    write(keys.join("README.md"), "What lies here").unwrap();
    set(0o755);
    let out = signet.run(&["migrate"]);
    assert!(out.success && mode() == 0o700, "{:o} {out:?}", mode());
    // A group of this process may look into it, as in a volume of Kubernetes, and a sticky folder is one that others use too.
    for (before, after) in [(0o775, 0o700), (0o750, 0o750), (0o1777, 0o1777), (0o700, 0o700)] {
        set(before);
        assert!(signet.run(&["migrate"]).success);
        assert_eq!(mode(), after, "{before:o}");
    }
    write(keys.join("tls.pem"), "of the web server").unwrap();
    set(0o755);
    assert!(signet.run(&["migrate"]).success);
    assert_eq!(mode(), 0o755, "the web server may have to read it");
    let out = signet.run(&["doctor"]);
    assert!(!out.success && out.stdout.contains("`chmod 700 keys`"), "{out:?}");
    std::fs::remove_file(keys.join("tls.pem")).unwrap();
    // The home of a user, and a volume of Kubernetes, have files whose names begin with a dot.
    for (name, after) in [(".profile", 0o755), ("..data", 0o755), (".gitkeep", 0o700), (".master-x1y2z3", 0o700)] {
        write(keys.join(name), "").unwrap();
        set(0o755);
        assert!(signet.run(&["migrate"]).success);
        assert_eq!(mode(), after, "{name}");
        std::fs::remove_file(keys.join(name)).unwrap();
    }
    // The server says in its log what it changed.
    set(0o755);
    let (mut server, _) = serve(&signet, Stdio::piped());
    server.kill().unwrap();
    let log = String::from_utf8(server.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.contains("keys_dir had mode 0755; it has mode 0700 now") && mode() == 0o700, "{log}");
}

#[test]
fn doctor_counts_the_hashes_of_other_systems() {
    let signet = with_orders();
    let counted = || {
        let out = signet.run(&["doctor"]);
        assert!(out.success, "{out:?}");
        out.stdout.lines().find(|line| line.contains("password hashes")).map(str::to_owned)
    };
    assert_eq!(counted(), None);
    let bcrypt = "$2b$12$LLYWIR7NX2rvjXxACu.S4.sNi8QJCujLYYLcTpR4sr6SSHikIUPF2";
    signet.json(&["user", "add", "bob", "--password-hash", bcrypt]);
    assert!(counted().unwrap().contains("1 user has a hash of another system"));
    signet.json(&["user", "add", "carol", "--password-hash", &format!("{{bcrypt}}{bcrypt}")]);
    let own = "$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng$EOlXj3z9o9PCLeT0RSBGRqkq2splsxLZayq6V/951cc";
    signet.json(&["user", "add", "dave", "--password-hash", own]);
    assert!(counted().unwrap().contains("2 users have hashes of other systems"));
}
