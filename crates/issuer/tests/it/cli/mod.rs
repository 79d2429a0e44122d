//! These tests run the real binary: a script can set everything up, and the command line tells each mistake in one line.

mod arguments;
mod audit;
mod claim;
mod doctor;
mod group;
mod help;
mod keys;
mod removal;
mod report;
mod resource;
mod review;
mod serve;
mod stream;
mod transfer;
mod user;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{SECRET, TestApp};

/// The binary in a folder of its own.
pub struct Signet {
    pub dir: TempDir,
}

#[derive(Debug)]
pub struct Output {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Signet {
    pub fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub fn command(&self, env: &[(&str, &str)], args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.current_dir(self.dir.path()).args(args).env_remove("TEST_POSTGRES_URL");
        command.envs([("SIGNET_ARGON2_MEMORY_KIB", "64"), ("SIGNET_ARGON2_ITERATIONS", "1")]).envs(env.iter().copied());
        command
    }

    pub fn run_with(&self, env: &[(&str, &str)], args: &[&str], stdin: &str) -> Output {
        let mut child = self.command(env, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may have closed it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Output {
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.run_with(&[], args, "")
    }

    /// The JSON that a command prints, which must succeed.
    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        self.json_with(args, "")
    }

    #[track_caller]
    fn json_with(&self, args: &[&str], stdin: &str) -> Value {
        let out = self.run_with(&[], &[args, &["--json"]].concat(), stdin);
        assert!(out.success, "{args:?}: {}", out.stderr);
        serde_json::from_str(&out.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", out.stdout))
    }

    /// The one line that a command prints when it fails.
    #[track_caller]
    pub fn error(&self, args: &[&str], stdin: &str) -> String {
        let out = self.run_with(&[], args, stdin);
        assert!(!out.success && out.stdout.is_empty(), "{args:?}: {out:?}");
        assert_eq!(out.stderr.trim_end().lines().count(), 1, "{args:?}: {}", out.stderr);
        out.stderr
    }
}

const PASSWORD: &str = "correct horse battery staple\n";

pub fn with_orders() -> Signet {
    let signet = Signet::new();
    assert!(signet.run(&["migrate"]).success);
    signet.json(&[
        "resource",
        "add",
        "https://orders.example",
        "--name",
        "Orders",
        "--scope",
        "orders:read=See orders",
        "--scope",
        "orders:write=Change orders",
        "--token-lifetime",
        "600",
    ]);
    signet.json(&["role", "add", "clerk", "--scope", "orders:read", "--scope", "orders:write"]);
    signet
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Writes to it fail, as on a full disk.
fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn scripts_can_set_everything_up() {
    let signet = with_orders();
    let alice =
        signet.json_with(&["user", "add", "alice", "--email", "alice@example.com", "--role", "clerk", "--password-stdin"], PASSWORD);
    assert_eq!(alice["username"], "alice");
    assert_eq!(alice["id"].as_str().unwrap().len(), 36);
    let shop = signet.json(&[
        "client",
        "add",
        "--id",
        "shop",
        "--name",
        "Shop",
        "--access",
        "everyone",
        "--grant",
        "password",
        "--grant",
        "refresh_token",
        "--resource",
        "https://orders.example",
        "--scope",
        "orders:read",
        "--scope",
        "orders:write",
        "--redirect-uri",
        "https://shop.example/cb",
    ]);
    assert_eq!((&shop["client_id"], shop["client_secret"].as_str().unwrap().len()), (&"shop".into(), 43));
    let public = signet.json(&["client", "add", "--name", "App", "--public"]);
    assert!(public["client_id"].is_string() && public.get("client_secret").is_none());

    let shown = signet.json(&["client", "show", "shop"]);
    assert_eq!((&shown["scope"], &shown["session_management"]), (&"orders:read orders:write".into(), &false.into()));
    assert_eq!((&shown["default_resource"], shown["secrets"].as_array().map(Vec::len)), (&"https://orders.example".into(), Some(1)));
    assert_eq!(signet.json(&["client", "edit", "shop", "--session-management", "true"])["session_management"], true);
    assert_eq!(signet.json(&["client", "edit", "shop", "--name", "The shop"])["session_management"], true);
    let watching = signet.json(&["client", "add", "--name", "Watcher", "--public", "--session-management"]);
    let watching = watching["client_id"].as_str().unwrap();
    assert_eq!(signet.json(&["client", "show", watching])["session_management"], true);
    signet.json(&["client", "remove", watching, "--yes"]);
    let rotated = signet.json(&["client", "rotate-secret", "shop"]);
    assert_ne!(rotated["client_secret"], shop["client_secret"]);
    assert_eq!(signet.json(&["client", "show", "shop"])["secrets"].as_array().unwrap().len(), 2);
    signet.json(&["client", "rotate-secret", "shop", "--old-ends-in", "7d"]);
    assert!(signet.json(&["client", "show", "shop"])["secrets"][1]["expires_at"].is_string());
    assert_eq!(signet.json(&["client", "disable", "shop"])["enabled"], false);
    assert_eq!(signet.json(&["client", "enable", "shop"])["enabled"], true);
    assert_eq!(signet.json(&["client", "list"]).as_array().unwrap().len(), 4);
    assert_eq!(signet.json(&["client", "remove", "shop", "--yes"])["removed"], true);

    assert_eq!(signet.json(&["user", "show", "ALICE"])["roles"], serde_json::json!(["clerk"]));
    assert_eq!(signet.json(&["user", "roles", "alice", "--add", "admin", "--remove", "clerk"])["roles"], serde_json::json!(["admin"]));
    assert_eq!(signet.json(&["user", "claims", "alice", "--claim", "nickname=Al", "--claim", "name=Alice A"])["nickname"], "Al");
    let claims = signet.json(&["user", "claims", "alice", "--claim", "nickname="]);
    assert_eq!((&claims["name"], &claims["nickname"]), (&"Alice A".into(), &Value::Null));
    let token = signet.json(&["client", "registration-token", "--uses", "2", "--lifetime", "60"]);
    assert!(token["registration_token"].as_str().unwrap().len() == 43 && token["uses"] == 2, "{token}");
    let web = [
        "--name",
        "Web",
        "--id",
        "web",
        "--grant",
        "authorization_code",
        "--redirect-uri",
        "https://web.example/cb",
        "--first-party",
        "--access",
        "everyone",
    ];
    let more = ["--post-logout-redirect-uri", "https://web.example/", "--policy-uri", "https://web.example/privacy", "--scope", "openid"];
    signet.json(&[&["client", "add"], &web[..], &more[..]].concat());
    let shown = signet.json(&["client", "show", "web"]);
    assert_eq!(
        (&shown["origins"][0], &shown["first_party"], &shown["pkce"]),
        (&"https://web.example".into(), &true.into(), &"nonce".into())
    );
    assert_eq!(shown["metadata"]["policy_uri"], "https://web.example/privacy");
    let lists = ["--add-redirect-uri", "https://web.example/2", "--remove-scope", "openid", "--policy-uri", "", "--pkce", "optional"];
    let edited = signet.json(&[&["client", "edit", "web"], &lists[..]].concat());
    assert_eq!(
        (&edited["pkce"], &edited["scope"], &edited["redirect_uris"][1]),
        (&"optional".into(), &"".into(), &"https://web.example/2".into())
    );
    assert!(edited["metadata"].get("policy_uri").is_none(), "{edited}");
    assert_eq!(signet.json(&["resource", "edit", "https://orders.example/", "--open", "true"])["open"], true);
    assert_eq!(signet.json(&["client", "remove", "web", "--yes"])["removed"], true);
    assert_eq!(signet.json(&["user", "disable", "alice"])["enabled"], false);
    assert_eq!(signet.json(&["user", "enable", "alice"])["enabled"], true);
    assert_eq!(
        signet.json_with(&["user", "set-password", "alice", "--password-stdin"], "another good passphrase")["authorizations_ended"],
        0
    );
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 2);

    assert_eq!(signet.json(&["resource", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(signet.json(&["role", "list"])[1]["scopes"], serde_json::json!(["orders:read", "orders:write"]));
    assert_eq!(signet.json(&["role", "remove", "clerk", "--yes"])["removed"], true);
    assert_eq!(signet.json(&["resource", "remove", "https://orders.example", "--yes"])["removed"], true);
    assert_eq!(signet.json(&["authorization", "list"]), serde_json::json!([]));
    assert_eq!(signet.json(&["authorization", "end", "--user", "alice"])["authorizations_ended"], 0);
    assert_eq!(signet.json(&["session", "list"]), serde_json::json!([]));
    assert_eq!(signet.json(&["session", "end", "--user", "alice"])["sessions_ended"], 0);
}

#[test]
fn a_role_is_added_with_its_name_for_people() {
    let signet = with_orders();
    let driver = signet.json(&["role", "add", "driver", "--display-name", "Driver"]);
    assert_eq!((&driver["display_name"], signet.json(&["role", "show", "driver"])), (&"Driver".into(), driver.clone()));
}

/// Arguments that are wrong after [`with_orders`], what the command reads from standard input, and a part of its error.
pub type Mistake = (Vec<&'static str>, &'static str, &'static str);

pub fn mistakes() -> Vec<Mistake> {
    let client = |extra: &[&'static str]| [&["client", "add", "--name", "X"], extra].concat();
    vec![
        (vec!["user", "add", "al ice", "--password-stdin"], PASSWORD, "USERNAME: expected"),
        (vec!["user", "add", "admin", "--password-stdin"], PASSWORD, "there is a user admin already"),
        (vec!["user", "add", "bob", "--password-stdin"], "password1\n", "too easy to guess"),
        (
            vec!["user", "add", "admin", "--no-password", "--role", "nonsense"],
            "",
            "--role: expected existing roles; there is no role nonsense; USERNAME: expected another value; there is a user admin already",
        ),
        (
            vec!["role", "add", "clerk", "--scope", "nonsense"],
            "",
            "--scope: expected existing scopes; there is no scope nonsense; NAME: expected another value; there is a role clerk already",
        ),
        (vec!["user", "add", "bob", "--password-stdin"], "short\n", "8 to 256 characters"),
        (vec!["user", "add", "bob", "--password-stdin"], "tree rocket \0 lamp\n", "NUL"),
        (
            vec!["user", "add", "bob", "--password-stdin", "--role", "nonsense"],
            PASSWORD,
            "--role: expected existing roles; there is no role nonsense",
        ),
        (vec!["user", "add", "bob", "--password-stdin", "--email", "bob"], PASSWORD, "email: expected"),
        (vec!["user", "add", "bob", "--password-hash", "md5"], "", "password-hash: expected a whole hash of Argon2"),
        (vec!["user", "add", "bob"], "", "--password-stdin"),
        (vec!["user", "add", "bob", "--password-stdin", "--name", " "], PASSWORD, "name: expected"),
        (vec!["user", "add", "bob", "--password-stdin", "--name", "\u{1b}[31mBob"], PASSWORD, "name: expected"),
        (vec!["resource", "add", "https://x.example", "--name", "X\u{202e}Y"], "", "name: expected"),
        (vec!["client", "add", "--name", ""], "", "name: expected"),
        (vec!["user", "show", "no\r\u{1b}[31mbody"], "", "there is no user no  [31mbody"),
        (vec!["user", "show", "nobody"], "", "there is no user nobody"),
        (vec!["role", "add", "clerk"], "", "there is a role clerk already"),
        (vec!["role", "add", "x", "--scope", "nonsense"], "", "there is no scope nonsense"),
        (vec!["role", "remove", "admin", "--yes"], "", "built in"),
        (vec!["resource", "add", "orders", "--name", "X"], "", "absolute URI"),
        (vec!["resource", "add", "https://x.example#y", "--name", "X"], "", "absolute URI"),
        (vec!["resource", "add", "https://orders.example", "--name", "X"], "", "already"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "openid=x"], "", "found openid, which belongs to http"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--token-lifetime", "3601"], "", "1 to 3600 seconds"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "a=1", "--scope", "a=2"], "", "a appears twice"),
        (
            vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "a=\u{1b}[31m"],
            "",
            "scope: expected descriptions without control characters",
        ),
        (vec!["resource", "remove", "http://localhost:8080", "--yes"], "", "built in"),
        (vec!["keys", "revoke", "-R0_o2YFURJdbG7K0uUC2ku"], "", "there is no key -R0_o2YFURJdbG7K0uUC2ku"),
        (vec!["nonsense"], "", "unrecognized subcommand"),
        (vec!["user"], "", "a subcommand is missing (see --help)"),
        (vec!["authorization", "end"], "", "<ID|--user <USERNAME>|--client <CLIENT_ID>>"),
        (vec!["session", "end"], "", "<SID|--user <USERNAME>>"),
        (vec!["user", "roles", "admin", "--remove", "nonsense"], "", "--remove: expected existing roles; there is no role nonsense"),
        (client(&["--id", "cli"]), "", "there is a client cli already"),
        (client(&["--id", "7f9c24e5-2f1a-4c3e-9a5b-0d6e8f7a1b2c"]), "", "not a UUID"),
        (
            client(&["--access", "everyone", "--grant", "implicit"]),
            "",
            "expected one of password, authorization_code, refresh_token, client_credentials",
        ),
        (client(&["--grant", "client_credentials", "--public"]), "", "grant: expected no client_credentials for a public client"),
        (client(&["--scope", "nonsense"]), "", "there is no scope nonsense"),
        (client(&["--pkce", "never"]), "", "expected required, nonce, optional"),
        (client(&["--public", "--pkce", "nonce"]), "", "--pkce: expected required, because a public client"),
        (vec!["client", "edit", "cli", "--pkce", "optional"], "", "--pkce: expected required, because a public client"),
        (vec!["resource", "edit", "http://localhost:8080/userinfo", "--open", "true"], "", "built in and cannot be changed"),
        (client(&["--resource", "https://x.example"]), "", "there is no resource"),
        (client(&["--redirect-uri", "http://x.example"]), "", "redirect-uri: expected https"),
        (client(&["--redirect-uri", "com.example.app:/cb"]), "", "redirect-uri: expected https"),
        (client(&["--access", "everyone", "--grant", "authorization_code"]), "", "redirect-uri: expected one"),
        (client(&["--auth-method", "none"]), "", "--auth-method: expected one of client_secret_basic"),
        (client(&["--auth-method", "private_key_jwt"]), "", "jwks-file: expected an RSA key for RS256 with a kid, or jwks_uri"),
        (client(&["--origin", "https://x.example/path"]), "", "origin: expected scheme, host and port"),
        (client(&["--policy-uri", "javascript:alert(1)"]), "", "policy-uri: expected an http or https URL"),
        (client(&["--jwks-uri", "http://x.example"]), "", "jwks-uri: expected an https URL"),
        (
            client(&["--logo-uri", "https://127.0.0.1/logo.png"]),
            "",
            "logo-uri: expected an image that can be fetched; the URL must be https and lead to a public address",
        ),
        (vec!["user", "claims", "admin", "--claim", "sub=x"], "", "--claim: expected one of given_name"),
        (vec!["user", "claims", "admin", "--claim", "birthdate=1.1.1990"], "", "--claim birthdate: expected a date"),
        (
            vec!["client", "registration-token", "--uses", "0", "--lifetime", "-5"],
            "",
            "--uses: expected 1 to 1000000 registrations; found 0; --lifetime: expected 60 to 31622400 seconds; found -5",
        ),
        (vec!["client", "rotate-secret", "cli"], "", "has no secret"),
        (vec!["client", "show", "nobody"], "", "there is no client nobody"),
        (vec!["keys", "revoke", "nonsense"], "", "`signet keys list` shows what there is"),
        (vec!["authorization", "list", "--user", "nobody"], "", "there is no user nobody"),
        (vec!["session", "list", "--user", "nobody"], "", "there is no user nobody"),
        (vec!["session", "end", "nonsense"], "", "there is no session nonsense"),
        (vec!["authorization", "end", "7f9c24e5-2f1a-4c3e-9a5b-0d6e8f7a1b2c"], "", "there is no authorization"),
    ]
}

#[test]
fn a_command_that_makes_a_new_issuer_says_where() {
    let signet = Signet::new();
    let dir = signet.dir.path().canonicalize().unwrap();
    let add = |identifier: &str| signet.run(&["resource", "add", identifier, "--name", "X"]);
    let made = add("https://one.example");
    let sentence = format!(
        "signet: the database {} was empty, so this command made a new issuer in it, with its master key in {}; if you meant that of a server, \
         run commands in the server's folder or with its settings.",
        dir.join("signet.db").display(),
        dir.join("keys").display()
    );
    assert!(made.success && made.stderr.lines().next() == Some(&sentence), "{made:?}");
    assert!(made.stdout.contains("https://one.example") && !made.stdout.contains("empty"), "{made:?}");
    let again = add("https://two.example");
    assert!(again.success && again.stderr.is_empty(), "{again:?}");
}

#[test]
fn mistakes_are_one_clear_line() {
    let signet = with_orders();
    for (args, stdin, expected) in mistakes() {
        let error = signet.error(&args, stdin);
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    // Nothing of it was half written.
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(signet.json(&["client", "list"]).as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_users_sessions_signs_their_browsers_out() {
    // The commands know no other time than this machine's.
    let app = TestApp::on_system_time().await.with_orders().await.with_user("alice").await.with_web().await;
    let signet = Signet::new();
    let keys = app.keys_dir().display().to_string();
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    for commands in [
        vec![vec!["authorization", "end", "--user", "alice", "--json"]],
        vec![vec!["user", "set-password", "alice", "--password-stdin", "--json"]],
        vec![vec!["user", "disable", "alice", "--json"], vec!["user", "enable", "alice"]],
    ] {
        let browser = app.signed_in("alice").await;
        app.code_flow(&browser, &[("scope", "openid")]).await;
        let offline = app.code_flow(&browser, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
        for args in &commands {
            let out = signet.run_with(&env, args, PASSWORD);
            assert!(out.success, "{args:?}: {}", out.stderr);
            let sessions = ["set-password", "disable"].iter().any(|command| args.contains(command));
            assert!(!sessions || out.stdout.contains("\"sessions_ended\":1"), "{args:?}: {}", out.stdout);
            // One that lives with the session, and one that outlives it.
            assert!(args.contains(&"enable") || out.stdout.contains("\"authorizations_ended\":2"), "{args:?}: {}", out.stdout);
        }
        assert_eq!(browser.get("/account").await.heading(), "Sign in", "{commands:?}");
        let form = [("grant_type", "refresh_token"), ("refresh_token", offline.str("refresh_token"))];
        let refreshed = app.post("/token").basic_auth("web", SECRET).form(&form).send().await;
        assert_eq!(refreshed.error(), (400, "invalid_grant"), "{commands:?}");
    }
    for _ in 0..2 {
        app.signed_in("alice").await;
    }
    let out = signet.run_with(&env, &["user", "set-password", "alice", "--password-stdin"], PASSWORD);
    assert_eq!(out.stdout, "Set the password of alice; sessions ended: 2, authorizations ended: 0.\n", "{out:?}");
    app.signed_in("alice").await;
    let out = signet.run_with(&env, &["user", "disable", "alice"], "");
    assert_eq!(out.stdout, "Disabled alice; sessions ended: 1, authorizations ended: 0.\n", "{out:?}");
}
