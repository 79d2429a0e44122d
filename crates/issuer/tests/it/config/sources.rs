//! The file wins over the defaults, the environment over the file, and flags over both. A mistake in a source is told without
//! repeating secrets.

use crate::cli::Signet;

#[test]
fn each_source_wins_over_the_one_before() {
    let signet = Signet::new();
    let issuer = |signet: &Signet, env: &[(&str, &str)], args: &[&str]| {
        let out = signet.run_with(env, &[&["doctor", "--json"], args].concat(), "");
        let findings: serde_json::Value = serde_json::from_str(&out.stdout).unwrap_or_else(|_| panic!("{out:?}"));
        findings[0]["detail"].as_str().unwrap().to_owned()
    };
    assert!(issuer(&signet, &[], &[]).starts_with("issuer http://localhost:8080, listening on 127.0.0.1:8080"));
    assert!(issuer(&signet, &[("SIGNET_LISTEN", "127.0.0.5:9999")], &[]).starts_with("issuer http://127.0.0.5:9999"));
    assert!(issuer(&signet, &[("SIGNET_LISTEN", "127.0.0.1:9999")], &[]).starts_with("issuer http://localhost:9999"));
    std::fs::write(signet.dir.path().join("signet.toml"), "issuer = \"https://file.example\"\n").unwrap();
    assert!(issuer(&signet, &[], &[]).starts_with("issuer https://file.example"));
    let env = [("SIGNET_ISSUER", "https://env.example")];
    assert!(issuer(&signet, &env, &[]).starts_with("issuer https://env.example"));
    assert!(issuer(&signet, &env, &["--set", "issuer=https://set.example"]).starts_with("issuer https://set.example"));
    assert!(issuer(&signet, &env, &["--issuer", "https://flag.example"]).starts_with("issuer https://flag.example"));
}

#[test]
fn a_wrong_file_is_named_and_no_line_of_it_is_repeated() {
    let signet = Signet::new();
    for (text, expected) in [
        ("database_url = \"postgres://signet:sek@db.example/x", "TOML parse error at line 1"),
        ("database_url = [\"postgres://signet:sek@db.example/x\"]", "setting database_url: expected a string"),
        ("key_bits = true", "setting key_bits: expected 2048, 3072 or 4096"),
        ("isuer = \"https://id.example\"", "setting isuer: there is no such setting"),
    ] {
        std::fs::write(signet.dir.path().join("signet.toml"), text).unwrap();
        let out = signet.run(&["migrate"]);
        assert!(!out.success && out.stderr.contains(expected) && out.stderr.contains("signet.toml"), "{text}: {}", out.stderr);
        assert!(!out.stderr.contains("sek") && out.stderr.trim().lines().count() == 1, "{text}: {}", out.stderr);
    }
}

#[test]
fn texts_need_no_quotes_and_lists_no_brackets() {
    let signet = Signet::new();
    let env = [
        ("SIGNET_LOG", "INFO,signet_issuer=debug,"),
        ("SIGNET_KEYS_DIR", "0755"),
        ("SIGNET_DEFAULT_CLIENT", "12"),
        ("SIGNET_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
    ];
    let out = signet.run_with(&env, &["migrate", "--set", "database-url=sqlite:007.db", "--set", "open_registration=true"], "");
    assert!(out.success, "{}", out.stderr);
    assert!(signet.dir.path().join("0755/master.json").exists() && signet.dir.path().join("007.db").exists());
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_no_settings() {
    let signet = Signet::new();
    let of_services = [
        ("SIGNET_SERVICE_HOST", "10.96.0.12"),
        ("SIGNET_SERVICE_PORT", "8080"),
        ("SIGNET_SERVICE_PORT_HTTP", "8080"),
        ("SIGNET_PORT", "tcp://10.96.0.12:8080"),
        ("SIGNET_PORT_8080_TCP", "tcp://10.96.0.12:8080"),
        ("SIGNET_PORT_8080_TCP_PROTO", "tcp"),
        ("SIGNET_PORT_8080_TCP_PORT", "8080"),
        ("SIGNET_PORT_8080_TCP_ADDR", "fd00::12"),
        ("SIGNET_PORT_53_UDP", "udp://10.96.0.12:53"),
        ("SIGNET_POSTGRES_SERVICE_HOST", "10.96.0.13"),
        ("SIGNET_POSTGRES_PORT_5432_TCP_ADDR", "10.96.0.13"),
    ];
    let out = signet.run_with(&of_services, &["migrate"], "");
    assert!(out.success, "{}", out.stderr);
    for (name, value, expected) in [
        ("SIGNET_PORT", "8080", "setting port: there is no such setting"),
        ("SIGNET_SERVICE_HOST", "id.example.com", "setting service_host: there is no such setting"),
        ("SIGNET_SERVICE_PORT", "http", "setting service_port: there is no such setting"),
        ("SIGNET_PORT_8080_TCP_HOST", "10.96.0.12", "setting port_8080_tcp_host: there is no such setting"),
        ("SIGNET_PORT_TCP", "tcp://10.96.0.12:8080", "setting port_tcp: there is no such setting"),
        ("SIGNET_ISUER", "x", "setting isuer: there is no such setting (in the environment); the nearest is issuer"),
        ("SIGNET_TRUSTED_PROXY", "x", "; the nearest is trusted_proxies"),
        ("SIGNET_DATABASE", "x", "; the nearest is database_url"),
        ("SIGNET_PORT", "x", "; the nearest is listen"),
        ("SIGNET_PUBLIC_URL", "x", "; the nearest is issuer"),
        ("SIGNET_ACCESS_TOKEN_LIFETIM", "x", "; the nearest is access_token_lifetime"),
    ] {
        let out = signet.run_with(&[(name, value)], &["doctor"], "");
        assert!(!out.success && out.stderr.contains(expected), "{name}: {}", out.stderr);
    }
    let out = signet.run_with(&[("SIGNET_XYZZY", "x")], &["doctor"], "");
    assert!(!out.success && !out.stderr.contains("nearest"), "{}", out.stderr);
}

#[test]
fn a_line_end_behind_a_value_is_no_part_of_it() {
    let signet = Signet::new();
    let env = [
        ("SIGNET_DATABASE_URL", "sqlite:own.db\n"),
        ("SIGNET_ISSUER", "http://localhost:8080\r\n"),
        ("SIGNET_KEYS_DIR", "own-keys\n"),
        ("SIGNET_HASH_THREADS", "1\n"),
        ("SIGNET_TRUSTED_PROXIES", "10.0.0.0/8\n"),
        ("SIGNET_LOG_FORMAT", "json\n"),
    ];
    let out = signet.run_with(&env, &["migrate"], "");
    assert!(out.success, "{}", out.stderr);
    assert!(signet.dir.path().join("own.db").exists() && signet.dir.path().join("own-keys/master.json").exists());
    std::fs::write(signet.dir.path().join("signet.toml"), "database_url = \"\"\"\nsqlite:of-file.db\n\"\"\"\n").unwrap();
    assert!(signet.run(&["migrate"]).success);
    assert!(signet.dir.path().join("of-file.db").exists());
}
