//! A wrong setting stops the start, and the message names the setting.

mod sources;

use crate::cli::Signet;

/// A variable, a wrong value, and a part of the error.
pub fn wrong_settings() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("SIGNET_ISUER", "https://id.example", "setting isuer: there is no such setting (in the environment)"),
        ("SIGNET_ISSUER", "http://id.example", "issuer: expected an https URL"),
        ("SIGNET_ISSUER", "https://id.example/", "issuer: expected an https URL"),
        (
            "SIGNET_LISTEN",
            "8080",
            "setting listen: expected an address and a port other than 0, such as 127.0.0.1:8080; found 8080 (in the environment)",
        ),
        ("SIGNET_DATABASE_URL", "mysql://x", "database_url: expected sqlite:"),
        ("SIGNET_ACCESS_TOKEN_LIFETIME", "3601", "access_token_lifetime: expected a whole number of seconds from 1 to 3600; found 3601"),
        (
            "SIGNET_ACCESS_TOKEN_LIFETIME",
            "soon",
            "setting access_token_lifetime: expected a whole number of seconds from 1 to 3600, such as 600; found soon (in the environment)",
        ),
        ("SIGNET_KEY_BITS", "1024", "key_bits: expected 2048, 3072 or 4096"),
        ("SIGNET_KEY_BITS", "many", "setting key_bits: expected 2048, 3072 or 4096"),
        (
            "SIGNET_KEY_PUBLICATION_LEAD",
            "60",
            "key_publication_lead: expected a whole number of seconds from 645 to 604800, the least being key_refresh_interval + 2 * jwks_max_age",
        ),
        ("SIGNET_JWKS_MAX_AGE", "3600", "key_publication_lead: expected a whole number of seconds from 7245 to"),
        (
            "SIGNET_REFRESH_IDLE_LIFETIME",
            "999999999",
            "refresh_idle_lifetime: expected a whole number of seconds from 60 to 7776000, the most being refresh_absolute_lifetime",
        ),
        ("SIGNET_ARGON2_MEMORY_KIB", "1", "argon2_memory_kib"),
        ("SIGNET_ARGON2_MEMORY_KIB", "131073", "argon2_memory_kib: expected a whole number of KiB from 8 to 131072"),
        ("SIGNET_ARGON2_ITERATIONS", "8193", "argon2_iterations: expected a whole number from 1 to 8192"),
        ("SIGNET_DATABASE_URL", "postgres://signet:sek#ret@db.example/signet", "database_url: expected postgres://"),
        ("SIGNET_LOG_FORMAT", "xml", "setting log_format: expected text or json; found xml"),
        (
            "SIGNET_TRUSTED_PROXIES",
            "[\"nonsense\"]",
            "setting trusted_proxies: expected networks or addresses such as 10.0.0.0/8 or 127.0.0.1",
        ),
        (
            "SIGNET_TRUSTED_PROXIES",
            "10.0.0.0/8, 10.1",
            "setting trusted_proxies: expected networks or addresses such as 10.0.0.0/8 or 127.0.0.1",
        ),
        ("SIGNET_FORWARDED_HEADER", "X Forwarded", "setting forwarded_header: expected the name of a header, such as X-Forwarded-For"),
        ("SIGNET_FORWARDED_HEADER", "", "setting forwarded_header: expected the name of a header"),
        ("SIGNET_OPEN_REGISTRATION", "perhaps", "setting open_registration: expected true or false"),
        ("SIGNET_REGISTRATION_DEFAULT_RESOURCE", "orders", "registration_default_resource: expected the identifier of a resource"),
        ("SIGNET_REGISTRATION_DEFAULT_RESOURCE", "http://localhost:8080/", "registration_default_resource: expected the identifier"),
        ("SIGNET_DATABASE_URL", "sqlite:", "database_url: expected sqlite:<file>"),
        ("SIGNET_DATABASE_URL", "sqlite::memory:", "database_url: expected sqlite:<file>"),
        ("SIGNET_DATABASE_URL", "sqlite:x.db?mode=memory", "database_url: expected sqlite:<file>"),
        ("SIGNET_DATABASE_URL", "sqlite:signet%23.db", "database_url: expected sqlite:<file>, a file's path without %"),
        ("SIGNET_DATABASE_URL", "sqlite:file:x.db", "database_url: expected sqlite:<file>"),
        ("SIGNET_DATABASE_URL", "sqlite:x.db?mode=ro", "database_url: expected sqlite:<file>"),
        ("SIGNET_DATABASE_URL", "postgres://u@h/d?sslmod=require", "database_url: expected no parameters after ? but sslmode"),
        ("SIGNET_DATABASE_URL", "postgres://signet:12?sek@db/signet", "without @ after the first / ? or #; in the user name"),
        (
            "SIGNET_DATABASE_URL",
            "postgres://signet:123/sek@db/signet",
            "write all but letters, digits and - . _ ~ as %XX, such as %2F for /",
        ),
        ("SIGNET_DATABASE_URL", "postgres://signet@db/signet?password=a@b", "the parameters, write all but letters"),
        ("SIGNET_DATABASE_URL", "postgres://signet@/signet", "database_url: expected a host, such as postgres://"),
        ("SIGNET_DATABASE_URL", "postgres://:5432/signet?sslmode=prefer", "database_url: expected a host, such as postgres://"),
        ("SIGNET_DATABASE_URL", "postgres://u@h/d?sslmode=verify-full&ssl-mode=disable", "database_url: expected no parameters after ?"),
        ("SIGNET_DATABASE_URL", "postgres://u@h/d#x", "database_url: expected no parameters after ?"),
        ("SIGNET_DATABASE_URL", "sqlite:sqlite:x.db", "database_url: expected sqlite:<file>"),
        ("SIGNET_LOG", "debugg", "setting log: expected one of off, error"),
        ("SIGNET_LISTEN", "127.0.0.1:0", "setting listen: expected an address and a port"),
        ("SIGNET_ISSUER", "http://localhost:8080/a'b", "issuer: expected an https URL"),
        ("SIGNET_DATABASE_URL", "postgres:signet", "database_url: expected sqlite:<file> or postgres://"),
        ("SIGNET_ACCOUNT_ATTEMPTS", "3000000000", "account_attempts: expected a whole number from 1 to 1000, such as 5"),
        ("SIGNET_MAX_CONNECTIONS_PER_ADDRESS", "0", "max_connections_per_address: expected a whole number from 1 to 1000000; found 0"),
        ("SIGNET_HEALTH_CONNECTIONS", "0", "health_connections: expected a whole number from 1 to 1000; found 0"),
        ("SIGNET_FETCHES_PER_TOKEN", "0", "fetches_per_token: expected a whole number from 1 to 1000000; found 0"),
        ("SIGNET_FETCH_TIMEOUT", "31", "fetch_timeout: expected a whole number of seconds from 1 to 30; found 31"),
        ("SIGNET_HEADER_TIMEOUT", "0", "header_timeout: expected a whole number of seconds from 1 to 3600; found 0"),
        ("SIGNET_WRITE_TIMEOUT", "3601", "write_timeout: expected a whole number of seconds from 1 to 3600; found 3601"),
        (
            "SIGNET_KEYS_DIR",
            "https://user:sek@id.example/keys",
            "keys_dir: expected the path of a folder, such as keys; found https://...@id",
        ),
        (
            "SIGNET_FETCH_CA_FILE",
            "https://id.example/ca.pem?token=sek",
            "fetch_ca_file: expected the path of a file, such as ca.pem; found",
        ),
        ("SIGNET_ISSUER", "https://user:sek@id.example", "such as https://id.example.com; found https://...@id.example"),
        ("SIGNET_ISSUER", "https://id.example?token=sek", "such as https://id.example.com; found https://id.example?..."),
        ("SIGNET_TRUSTED_PROXIES", "10.0.0.0/8, https://user:sek@proxy.example", "127.0.0.1; found https://...@proxy.example"),
        ("SIGNET_DEFAULT_CLIENT", "my shop", "default_client: expected the id of a public client"),
        ("SIGNET_LOG", "info=debugg", "setting log: expected one of off, error"),
        ("SIGNET_KEYS_DIR", "", "keys_dir: expected the path of a folder"),
    ]
}

/// Values with a marker where a URL has its user, its password or its query. An operator may have pasted one into the wrong setting.
const SECRETS: [&str; 8] = [
    "https://sek@id.example",
    "https://user:sek@id.example",
    "https://user:s/e?k#sek@id.example",
    "user:sek@id.example",
    "https://id.example/path?token=sek",
    "https://id.example#sek",
    "10.0.0.0/8, https://user:sek@proxy.example, https://proxy.example?sek",
    "info,https://user:sek@id.example=debug",
];

#[test]
fn no_message_about_a_setting_repeats_the_secret_of_a_url() {
    let signet = Signet::new();
    let defaults = signet_issuer::config::Settings::defaults("http://localhost:8080", ([127, 0, 0, 1], 8080).into()).unwrap();
    let defaults = serde_json::to_value(defaults).unwrap();
    for name in defaults.as_object().unwrap().keys() {
        for value in SECRETS {
            let variable = format!("SIGNET_{}", name.to_uppercase());
            let mut outputs = vec![signet.run_with(&[(&variable, value)], &["doctor"], "")];
            // The types of a file are read by other code; one value of each kind is enough there.
            for written in [format!("\"{value}\""), format!("[\"{value}\"]")] {
                if [SECRETS[1], SECRETS[4]].contains(&value) {
                    let file = signet.dir.path().join("wrong.toml");
                    std::fs::write(&file, format!("{name} = {written}\n")).unwrap();
                    outputs.push(signet.run(&["doctor", "--config", file.to_str().unwrap()]));
                }
            }
            for out in outputs {
                let said = format!("{}{}", out.stdout, out.stderr);
                assert!(!said.contains("sek"), "{name}={value}: {said}");
            }
        }
    }
    for value in SECRETS {
        for args in [
            vec!["serve", "--issuer", value],
            vec!["serve", "--listen", value],
            vec!["serve", value],
            vec![value],
            vec!["serve", &format!("--listen={value}")],
            vec!["user", "show", value],
            vec!["resource", "add", value, "--name", "X", "--token-lifetime", value],
            vec!["client", "add", "--name", "X", "--access", "everyone", "--redirect-uri", value],
        ] {
            // The query of a value that is no setting is shown: the operator must see which of their URLs is meant.
            if value.contains('@') && value.starts_with("https://") && !value.contains("?k#") {
                let out = signet.run(&args);
                assert!(!format!("{}{}", out.stdout, out.stderr).contains("sek"), "{args:?}: {}{}", out.stdout, out.stderr);
            }
        }
    }
}

#[test]
fn a_wrong_setting_stops_the_start_by_its_name() {
    let signet = Signet::new();
    for (name, value, expected) in wrong_settings() {
        let out = signet.run_with(&[(name, value)], &["migrate"], "");
        assert!(!out.success, "{name}={value}");
        assert!(out.stderr.contains(expected) && out.stderr.trim().lines().count() == 1, "{name}={value}: {}", out.stderr);
        assert!(!out.stderr.contains("sek"), "a password is not repeated: {}", out.stderr);
        assert!(!signet.dir.path().join("signet.db").exists(), "nothing was made");
    }
    let out = signet.run(&["migrate", "--config", "missing.toml"]);
    assert!(out.stderr.contains("missing.toml"), "{}", out.stderr);
}
