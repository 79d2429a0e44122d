//! Settings, through the binary that reads them: defaults < file < environment < flags.

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
    assert!(issuer(&signet, &[("SIGNET_LISTEN", "127.0.0.1:9999")], &[]).starts_with("issuer http://localhost:9999"));
    std::fs::write(signet.dir.path().join("signet.toml"), "issuer = \"https://file.example\"\n").unwrap();
    assert!(issuer(&signet, &[], &[]).starts_with("issuer https://file.example"));
    let env = [("SIGNET_ISSUER", "https://env.example")];
    assert!(issuer(&signet, &env, &[]).starts_with("issuer https://env.example"));
    assert!(issuer(&signet, &env, &["--set", "issuer=https://set.example"]).starts_with("issuer https://set.example"));
    assert!(issuer(&signet, &env, &["--issuer", "https://flag.example"]).starts_with("issuer https://flag.example"));
}

#[test]
fn a_wrong_setting_stops_the_start_by_its_name() {
    let signet = Signet::new();
    for (name, value, expected) in [
        ("SIGNET_ISUER", "https://id.example", "isuer"),
        ("SIGNET_ISSUER", "http://id.example", "issuer: expected an https URL"),
        ("SIGNET_ISSUER", "https://id.example/", "issuer: expected an https URL"),
        ("SIGNET_LISTEN", "8080", "listen"),
        ("SIGNET_DATABASE_URL", "mysql://x", "database_url: expected sqlite:"),
        ("SIGNET_ACCESS_TOKEN_LIFETIME", "3601", "access_token_lifetime: expected 1 to 3600; found 3601"),
        ("SIGNET_ACCESS_TOKEN_LIFETIME", "soon", "access_token_lifetime"),
        ("SIGNET_KEY_BITS", "1024", "key_bits: expected 2048, 3072 or 4096"),
        ("SIGNET_KEY_PUBLICATION_LEAD", "60", "key_publication_lead: expected 645 to"),
        ("SIGNET_JWKS_MAX_AGE", "3600", "key_publication_lead: expected 7245 to"),
        ("SIGNET_REFRESH_IDLE_LIFETIME", "999999999", "refresh_idle_lifetime"),
        ("SIGNET_ARGON2_MEMORY_KIB", "1", "argon2_memory_kib"),
        ("SIGNET_ARGON2_MEMORY_KIB", "131073", "argon2_memory_kib: expected 8 to 131072"),
        ("SIGNET_ARGON2_ITERATIONS", "8193", "argon2_iterations: expected 1 to 8192"),
        ("SIGNET_DATABASE_URL", "postgres://signet:sek#ret@db.example/signet", "database_url: expected postgres://"),
        ("SIGNET_LOG_FORMAT", "xml", "log_format"),
        ("SIGNET_TRUSTED_PROXIES", "[\"nonsense\"]", "trusted_proxies"),
    ] {
        let out = signet.run_with(&[(name, value)], &["migrate"], "");
        assert!(!out.success, "{name}={value}");
        assert!(out.stderr.contains(expected) && out.stderr.trim().lines().count() == 1, "{name}={value}: {}", out.stderr);
        assert!(!out.stderr.contains("sek"), "a password is not repeated: {}", out.stderr);
        assert!(!signet.dir.path().join("signet.db").exists(), "nothing was made");
    }
    let out = signet.run(&["migrate", "--config", "missing.toml"]);
    assert!(out.stderr.contains("missing.toml"), "{}", out.stderr);
}
