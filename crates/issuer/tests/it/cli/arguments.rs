//! Every fault that an operation finds names the argument of the command, as `--help` writes it.

use crate::cli::{PASSWORD, with_orders};

/// The arguments of a command, its standard input, and for each fault the argument that the error must name.
type Case = (Vec<&'static str>, &'static str, Vec<&'static str>);

#[track_caller]
fn assert_named(cases: Vec<Case>) {
    let signet = with_orders();
    for (args, stdin, expected) in cases {
        let error = signet.error(&args, stdin);
        let faults = error.trim_end().strip_prefix("signet: ").unwrap().split("; ");
        // A part without "expected" goes on with the fault before it.
        let named: Vec<&str> = faults.filter_map(|fault| Some(fault.split_once(": expected ")?.0)).collect();
        assert_eq!(named, expected, "{args:?}: {error}");
    }
}

#[test]
fn of_users() {
    let with_password = |args: &[&'static str]| [&["user", "add"], args, &["--password-stdin"]].concat();
    let claim = |pair: &'static str| vec!["user", "claims", "admin", "--claim", pair];
    assert_named(vec![
        (with_password(&["al ice"]), PASSWORD, vec!["USERNAME"]),
        (with_password(&["alice", "--email", "x"]), PASSWORD, vec!["--email"]),
        (with_password(&["alice", "--name", " "]), PASSWORD, vec!["--name"]),
        (with_password(&["al ice", "--email", "x", "--name", " "]), PASSWORD, vec!["USERNAME", "--email", "--name"]),
        (with_password(&["alice", "--role", "nosuch"]), PASSWORD, vec!["--role"]),
        (with_password(&["alice", "--external-id", ""]), PASSWORD, vec!["--external-id"]),
        (with_password(&["alice", "--attribute", "nosuch=x"]), PASSWORD, vec!["--attribute"]),
        (with_password(&["alice", "--claim", "website=nope", "--claim", "x=y"]), PASSWORD, vec!["--claim website", "--claim"]),
        (with_password(&["alice", "--group", "nosuch"]), PASSWORD, vec!["--group"]),
        (with_password(&["alice"]), "short", vec!["password"]),
        (vec!["user", "add", "alice", "--password-hash", "md5"], "", vec!["--password-hash"]),
        (vec!["user", "set-password", "admin", "--password-hash", "md5"], "", vec!["--password-hash"]),
        (vec!["user", "set-password", "admin", "--password-stdin"], "short", vec!["password"]),
        (claim("sub=x"), "", vec!["--claim"]),
        (claim("name=a\tb"), "", vec!["--claim name"]),
        (claim("nickname=a\tb"), "", vec!["--claim nickname"]),
        (claim("website=nope"), "", vec!["--claim website"]),
        (claim("birthdate=nope"), "", vec!["--claim birthdate"]),
        (claim("phone_number=nope"), "", vec!["--claim phone_number"]),
        (vec!["user", "roles", "admin", "--add", "nosuch"], "", vec!["--add"]),
        (vec!["user", "roles", "admin", "--remove", "nosuch"], "", vec!["--remove"]),
        (vec!["user", "roles", "admin", "--add", "clerk", "--remove", "nosuch"], "", vec!["--add or --remove"]),
    ]);
}

#[test]
fn of_roles_and_resources() {
    let resource = |args: &[&'static str]| [&["resource", "add", "https://x.example", "--name", "X"], args].concat();
    assert_named(vec![
        (vec!["role", "add", "bad role"], "", vec!["NAME"]),
        (vec!["role", "add", ".."], "", vec!["NAME"]),
        (vec!["group", "add", "new"], "", vec!["NAME"]),
        (vec!["attribute", "add", ".", "--type", "string"], "", vec!["NAME"]),
        (vec!["user", "add", "New", "--password-stdin"], PASSWORD, vec!["USERNAME"]),
        (vec!["role", "add", "r", "--scope", "nosuch"], "", vec!["--scope"]),
        (vec!["role", "scopes", "clerk", "--add", "nosuch"], "", vec!["--add"]),
        (vec!["role", "scopes", "clerk", "--remove", "nosuch"], "", vec!["--remove"]),
        (vec!["role", "scopes", "clerk", "--add", "nosuch", "--remove", "openid"], "", vec!["--add or --remove"]),
        (vec!["resource", "add", "orders", "--name", " "], "", vec!["IDENTIFIER", "--name"]),
        (resource(&["--scope", "a b=c"]), "", vec!["--scope"]),
        (resource(&["--scope", "a=\t"]), "", vec!["--scope"]),
        (resource(&["--scope", "a", "--scope", "a"]), "", vec!["--scope"]),
        (resource(&["--token-lifetime", "0"]), "", vec!["--token-lifetime"]),
    ]);
}

#[test]
fn of_clients() {
    let client = |args: &[&'static str]| [&["client", "add", "--name", "X"], args].concat();
    let token = |args: &[&'static str]| [&["client", "registration-token"], args].concat();
    let edit = |args: &[&'static str]| [&["client", "edit", "cli"], args].concat();
    assert_named(vec![
        (client(&["--id", "a b"]), "", vec!["--id"]),
        (vec!["client", "add", "--name", " "], "", vec!["--name"]),
        (client(&["--grant", "nosuch", "--access", "everyone"]), "", vec!["--grant"]),
        (client(&["--grant", "password"]), "", vec!["--access"]),
        (client(&["--access", "groups"]), "", vec!["--group"]),
        (client(&["--access", "groups", "--group", "nosuch"]), "", vec!["--group"]),
        (client(&["--resource", "https://nosuch.example"]), "", vec!["--resource"]),
        (client(&["--scope", "nosuch"]), "", vec!["--scope"]),
        (client(&["--scope", "a b"]), "", vec!["--scope"]),
        (client(&["--redirect-uri", "nope"]), "", vec!["--redirect-uri"]),
        (client(&["--origin", "nope"]), "", vec!["--origin"]),
        (client(&["--auth-method", "none"]), "", vec!["--auth-method"]),
        (client(&["--client-uri", "nope"]), "", vec!["--client-uri"]),
        (client(&["--logo-uri", "nope"]), "", vec!["--logo-uri"]),
        (client(&["--logo-uri", "https://127.0.0.1/logo.png"]), "", vec!["--logo-uri"]),
        (client(&["--policy-uri", "nope"]), "", vec!["--policy-uri"]),
        (client(&["--tos-uri", "nope"]), "", vec!["--tos-uri"]),
        (client(&["--initiate-login-uri", "nope"]), "", vec!["--initiate-login-uri"]),
        (client(&["--post-logout-redirect-uri", "nope"]), "", vec!["--post-logout-redirect-uri"]),
        (client(&["--jwks-uri", "nope"]), "", vec!["--jwks-uri"]),
        (client(&["--auth-method", "private_key_jwt"]), "", vec!["--jwks-file"]),
        (edit(&["--remove-scope", "nosuch"]), "", vec!["--add-scope or --remove-scope"]),
        (edit(&["--add-redirect-uri", "nope"]), "", vec!["--add-redirect-uri or --remove-redirect-uri"]),
        (edit(&["--group-filter", "nosuch"]), "", vec!["--group-filter"]),
        (edit(&["--logo-uri", "nope"]), "", vec!["--logo-uri"]),
        (edit(&["--name", ""]), "", vec!["--name"]),
        (vec!["client", "rotate-secret", "web", "--old-ends-in", "0s"], "", vec!["--old-ends-in"]),
        (token(&["--uses", "0", "--lifetime", "-5"]), "", vec!["--uses", "--lifetime"]),
    ]);
}

#[test]
fn a_command_tells_all_faults_at_once() {
    let signet = with_orders();
    let error = signet.error(&["client", "add", "--preset", "grafana"], "");
    assert!(error.contains("--url: expected the address of the application") && error.contains("--access: expected everyone"), "{error}");
    let error =
        signet.error(&["client", "add", "--preset", "grafana", "--url", "x", "--access", "groups", "--scope", "x:y", "--name", ""], "");
    for argument in ["--url", "--group", "--scope", "--name"] {
        assert!(error.contains(&format!("{argument}: expected ")), "{argument}: {error}");
    }
    let user = ["user", "add", "a b", "--email", "x", "--role", "none", "--group", "nobody"];
    for (more, input, argument) in
        [(&["--password-stdin"][..], "short", "password"), (&["--password-hash", "$2b$99$nonsense"], "", "--password-hash")]
    {
        let error = signet.error(&[&user[..], more].concat(), input);
        for argument in [argument, "USERNAME", "--email", "--role", "--group"] {
            assert!(error.contains(&format!("{argument}: expected ")), "{argument}: {error}");
        }
    }
    let client = ["client", "add", "--id", "wiki", "--name", "Wiki", "--access", "everyone", "--grant", "authorization_code"];
    signet.json(&[&client[..], &["--redirect-uri", "https://wiki.example/cb"]].concat());
    let edit = [
        "client",
        "edit",
        "wiki",
        "--name",
        "",
        "--remove-redirect-uri",
        "https://a.example",
        "--remove-redirect-uri",
        "https://b.example",
        "--remove-group",
        "nobody",
        "--add-origin",
        "no",
        "--add-origin",
        "nope",
        "--logo-uri",
        "no URL",
        "--add-scope",
        "x:y",
    ];
    for dry in [&[][..], &["--dry-run"]] {
        let error = signet.error(&[&edit[..], dry].concat(), "");
        for part in [
            "to remove; found https://a.example",
            "to remove; found https://b.example",
            "to remove; found nobody",
            "--name: expected ",
            "found no;",
            "found nope;",
            "--logo-uri: expected ",
            "there is no scope x:y",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    let resource = ["resource", "edit", "https://orders.example", "--name", "", "--remove-scope", "x:y", "--remove-scope", "x:z"];
    let error = signet.error(&resource, "");
    for part in ["--name: expected ", "found x:y", "found x:z"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
