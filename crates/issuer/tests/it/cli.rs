//! The command line, by the real binary.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

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
    fn error(&self, args: &[&str], stdin: &str) -> String {
        let out = self.run_with(&[], args, stdin);
        assert!(!out.success && out.stdout.is_empty(), "{args:?}: {out:?}");
        assert_eq!(out.stderr.trim_end().lines().count(), 1, "{args:?}: {}", out.stderr);
        out.stderr
    }
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

const PASSWORD: &str = "correct horse battery staple\n";

fn with_orders() -> Signet {
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
    assert_eq!(shown["scope"], "orders:read orders:write");
    assert_eq!((&shown["default_resource"], &shown["secrets"]), (&"https://orders.example".into(), &1.into()));
    let rotated = signet.json(&["client", "rotate-secret", "shop"]);
    assert_ne!(rotated["client_secret"], shop["client_secret"]);
    assert_eq!(signet.json(&["client", "show", "shop"])["secrets"], 2);
    assert_eq!(signet.json(&["client", "disable", "shop"])["enabled"], false);
    assert_eq!(signet.json(&["client", "enable", "shop"])["enabled"], true);
    assert_eq!(signet.json(&["client", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(signet.json(&["client", "remove", "shop"])["removed"], true);

    assert_eq!(signet.json(&["user", "show", "ALICE"])["roles"], serde_json::json!(["clerk"]));
    assert_eq!(signet.json(&["user", "roles", "alice", "--add", "admin", "--remove", "clerk"])["roles"], serde_json::json!(["admin"]));
    assert_eq!(signet.json(&["user", "claims", "alice", "--claim", "nickname=Al", "--claim", "name=Alice A"])["nickname"], "Al");
    let claims = signet.json(&["user", "claims", "alice", "--claim", "nickname="]);
    assert_eq!((&claims["name"], &claims["nickname"]), (&"Alice A".into(), &Value::Null));
    let token = signet.json(&["client", "registration-token", "--uses", "2", "--lifetime", "60"]);
    assert!(token["registration_token"].as_str().unwrap().len() == 43 && token["uses"] == 2, "{token}");
    let web =
        ["--name", "Web", "--id", "web", "--grant", "authorization_code", "--redirect-uri", "https://web.example/cb", "--first-party"];
    let more = ["--post-logout-redirect-uri", "https://web.example/", "--policy-uri", "https://web.example/privacy", "--scope", "openid"];
    signet.json(&[&["client", "add"], &web[..], &more[..]].concat());
    let shown = signet.json(&["client", "show", "web"]);
    assert_eq!(
        (&shown["origins"][0], &shown["first_party"], &shown["require_pkce"]),
        (&"https://web.example".into(), &true.into(), &true.into())
    );
    assert_eq!(shown["metadata"]["policy_uri"], "https://web.example/privacy");
    assert_eq!(signet.json(&["client", "remove", "web"])["removed"], true);
    assert_eq!(signet.json(&["user", "disable", "alice"])["enabled"], false);
    assert_eq!(signet.json(&["user", "enable", "alice"])["enabled"], true);
    assert_eq!(
        signet.json_with(&["user", "set-password", "alice", "--password-stdin"], "another good passphrase")["authorizations_ended"],
        0
    );
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 2);

    assert_eq!(signet.json(&["resource", "list"]).as_array().unwrap().len(), 3);
    assert_eq!(signet.json(&["role", "list"])[1]["scopes"], serde_json::json!(["orders:read", "orders:write"]));
    assert_eq!(signet.json(&["role", "remove", "clerk"])["removed"], true);
    assert_eq!(signet.json(&["resource", "remove", "https://orders.example"])["removed"], true);
    assert_eq!(signet.json(&["authorization", "list"]), serde_json::json!([]));
    assert_eq!(signet.json(&["authorization", "end", "--user", "alice"])["authorizations_ended"], 0);
    assert_eq!(signet.json(&["session", "list"]), serde_json::json!([]));
    assert_eq!(signet.json(&["session", "end", "--user", "alice"])["sessions_ended"], 0);
}

#[test]
fn the_issuers_name_is_no_other_resources() {
    let signet = with_orders();
    let settings = [("SIGNET_LISTEN", &*free_address()), ("SIGNET_ISSUER", "https://id.example")];
    for own in ["https://id.example", "https://id.example/userinfo"] {
        signet.json(&["resource", "add", own, "--name", "Clash"]);
        for command in ["serve", "doctor"] {
            let out = signet.run_with(&settings, &[command], "");
            assert!(!out.success);
            let said = format!("{}{}", out.stdout, out.stderr);
            assert!(said.contains(&format!("{own} is registered as a resource")), "{said}");
        }
        let removed = signet.run_with(&settings, &["resource", "remove", own], "");
        assert!(removed.success, "{removed:?}");
    }
}

#[test]
fn keys() {
    let signet = with_orders();
    let listed = signet.json(&["keys", "list"]);
    assert_eq!(listed[0]["state"], "active");
    let rotated = signet.json(&["keys", "rotate"]);
    assert_eq!((&rotated["state"], &rotated["signs_in"]), (&"published".into(), &900.into()));
    let again = signet.error(&["keys", "rotate"], "");
    assert!(again.contains("is published already; it signs from"), "{again}");
    let revoked = signet.json(&["keys", "revoke", listed[0]["kid"].as_str().unwrap()]);
    assert_eq!(revoked["active"], rotated["kid"]);
    let states: Vec<Value> = signet.json(&["keys", "list"]).as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["revoked", "active"]);
}

#[test]
fn mistakes_are_one_clear_line() {
    let signet = with_orders();
    let client = |extra: &[&'static str]| [&["client", "add", "--name", "X"], extra].concat();
    for (args, stdin, expected) in [
        (vec!["user", "add", "al ice", "--password-stdin"], PASSWORD, "username: expected"),
        (vec!["user", "add", "admin", "--password-stdin"], PASSWORD, "there is a user admin already"),
        (vec!["user", "add", "bob", "--password-stdin"], "password1\n", "too easy to guess"),
        (vec!["user", "add", "bob", "--password-stdin"], "short\n", "8 to 256 characters"),
        (vec!["user", "add", "bob", "--password-stdin"], "tree rocket \0 lamp\n", "NUL"),
        (vec!["user", "add", "bob", "--password-stdin", "--role", "nonsense"], PASSWORD, "there is no role nonsense"),
        (vec!["user", "add", "bob", "--password-stdin", "--email", "bob"], PASSWORD, "email: expected"),
        (vec!["user", "add", "bob", "--password-hash", "md5"], "", "password-hash: expected Argon2id"),
        (vec!["user", "add", "bob"], "", "--password-stdin"),
        (vec!["user", "add", "bob", "--password-stdin", "--name", " "], PASSWORD, "name: expected"),
        (vec!["user", "add", "bob", "--password-stdin", "--name", "\u{1b}[31mBob"], PASSWORD, "name: expected"),
        (vec!["resource", "add", "https://x.example", "--name", "X\u{202e}Y"], "", "name: expected"),
        (vec!["client", "add", "--name", ""], "", "name: expected"),
        (vec!["user", "show", "no\r\u{1b}[31mbody"], "", "there is no user no  [31mbody"),
        (vec!["user", "show", "nobody"], "", "there is no user nobody"),
        (vec!["role", "add", "clerk"], "", "there is a role clerk already"),
        (vec!["role", "add", "x", "--scope", "nonsense"], "", "there is no scope nonsense"),
        (vec!["role", "remove", "admin"], "", "built in"),
        (vec!["resource", "add", "orders", "--name", "X"], "", "absolute URI"),
        (vec!["resource", "add", "https://x.example#y", "--name", "X"], "", "absolute URI"),
        (vec!["resource", "add", "https://orders.example", "--name", "X"], "", "already"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "openid=x"], "", "belongs to another resource"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--token-lifetime", "3601"], "", "1 to 3600 seconds"),
        (vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "a=1", "--scope", "a=2"], "", "a stands twice"),
        (
            vec!["resource", "add", "https://x.example", "--name", "X", "--scope", "a=\u{1b}[31m"],
            "",
            "scope: expected descriptions without control characters",
        ),
        (vec!["resource", "remove", "http://localhost:8080"], "", "built in"),
        (vec!["keys", "revoke", "-R0_o2YFURJdbG7K0uUC2ku"], "", "there is no key -R0_o2YFURJdbG7K0uUC2ku"),
        (vec!["nonsense"], "", "unrecognized subcommand"),
        (vec!["user"], "", "a subcommand is missing (see --help)"),
        (vec!["authorization", "end"], "", "<ID|--user <USERNAME>|--client <CLIENT_ID>>"),
        (vec!["session", "end"], "", "<SID|--user <USERNAME>>"),
        (vec!["user", "roles", "admin", "--remove", "nonsense"], "", "there is no role nonsense"),
        (client(&["--id", "cli"]), "", "there is a client cli already"),
        (client(&["--id", "7f9c24e5-2f1a-4c3e-9a5b-0d6e8f7a1b2c"]), "", "not a UUID"),
        (client(&["--grant", "implicit"]), "", "expected one of password, authorization_code, refresh_token, client_credentials"),
        (client(&["--grant", "client_credentials", "--public"]), "", "grant: expected no client_credentials for a public client"),
        (client(&["--scope", "nonsense"]), "", "there is no scope nonsense"),
        (client(&["--resource", "https://x.example"]), "", "there is no resource"),
        (client(&["--redirect-uri", "http://x.example"]), "", "redirect-uri: expected https"),
        (client(&["--redirect-uri", "com.example.app:/cb"]), "", "redirect-uri: expected https"),
        (client(&["--grant", "authorization_code"]), "", "redirect-uri: expected one"),
        (client(&["--auth-method", "none"]), "", "auth-method: expected client_secret_basic"),
        (client(&["--auth-method", "private_key_jwt"]), "", "jwks-file: expected an RSA key for RS256, or jwks_uri"),
        (client(&["--origin", "https://x.example/path"]), "", "origin: expected scheme, host and port"),
        (client(&["--policy-uri", "javascript:alert(1)"]), "", "policy-uri: expected an http or https URL"),
        (client(&["--jwks-uri", "http://x.example"]), "", "jwks-uri: expected an https URL"),
        (
            client(&["--logo-uri", "https://127.0.0.1/logo.png"]),
            "",
            "logo-uri: expected an image that can be fetched; the URL must be https and lead to a public address",
        ),
        (vec!["user", "claims", "admin", "--claim", "sub=x"], "", "sub: expected one of given_name"),
        (vec!["user", "claims", "admin", "--claim", "birthdate=1.1.1990"], "", "birthdate: expected a date"),
        (vec!["client", "registration-token", "--uses", "0"], "", "invalid value '0'"),
        (vec!["client", "rotate-secret", "cli"], "", "has no secret"),
        (vec!["client", "show", "nobody"], "", "there is no client nobody"),
        (vec!["keys", "revoke", "nonsense"], "", "there is no key nonsense"),
        (vec!["authorization", "list", "--user", "nobody"], "", "there is no user nobody"),
        (vec!["session", "list", "--user", "nobody"], "", "there is no user nobody"),
        (vec!["session", "end", "nonsense"], "", "there is no live session nonsense"),
        (vec!["authorization", "end", "7f9c24e5-2f1a-4c3e-9a5b-0d6e8f7a1b2c"], "", "there is no live authorization"),
    ] {
        let error = signet.error(&args, stdin);
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    // Nothing of it was half written.
    assert_eq!(signet.json(&["user", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(signet.json(&["client", "list"]).as_array().unwrap().len(), 1);
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
            // One that lives with the session, and one that outlives it.
            assert!(args.contains(&"enable") || out.stdout.contains("\"authorizations_ended\":2"), "{args:?}: {}", out.stdout);
        }
        assert_eq!(browser.get("/account").await.heading(), "Sign in", "{commands:?}");
        let form = [("grant_type", "refresh_token"), ("refresh_token", offline.str("refresh_token"))];
        let refreshed = app.post("/token").basic_auth("web", SECRET).form(&form).send().await;
        assert_eq!(refreshed.error(), (400, "invalid_grant"), "{commands:?}");
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
fn a_server_starts_answers_and_stops_on_both_signals() {
    for signal in ["-INT", "-TERM"] {
        let signet = Signet::new();
        for first in [true, false] {
            let (child, port) = serve(&signet, Stdio::piped());
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{signal}: {output:?}");
            let stdout = String::from_utf8(output.stdout).unwrap();
            assert_eq!(stdout.contains("password  "), first, "{stdout}");
            assert!(stdout.contains(&format!("Signet serves http://localhost:{port}")));
            assert!(!signet.dir.path().join("signet.db-wal").exists(), "the write-ahead log was folded in");
        }
    }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Starts the server on a port of its own, and waits until it is ready.
fn serve(signet: &Signet, stderr: Stdio) -> (Child, u16) {
    let listen = free_address();
    let port = listen.rsplit_once(':').unwrap().1.parse().unwrap();
    let child = signet.command(&[("SIGNET_LISTEN", &listen)], &[]).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let ready = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        is_ready(port)
    });
    assert!(ready);
    (child, port)
}

/// Writes to it fail, as on a full disk.
fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn where_nothing_can_be_logged_all_else_goes_on() {
    let signet = with_orders();
    let (child, port) = serve(&signet, full());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = "grant_type=refresh_token&refresh_token=nonsense";
    let head = "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_grant"), "{answer}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn where_nothing_can_be_shown_a_command_says_so_and_fails() {
    let signet = with_orders();
    let output = signet.command(&[], &["user", "list"]).stdout(full()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.starts_with("signet: standard output: "), "{stderr}");
}

#[test]
fn the_first_curl_line_works_where_no_client_is_the_default() {
    let signet = Signet::new();
    let out = signet.run_with(&[("SIGNET_ISSUER", "https://id.example")], &["migrate"], "");
    assert!(out.stdout.contains("curl -d client_id=cli -d grant_type=password "), "{out:?}");
}

#[test]
fn a_port_that_is_taken_costs_no_first_start() {
    let signet = Signet::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let out = signet.run_with(&[("SIGNET_LISTEN", &listen)], &["serve"], "");
    assert!(!out.success && out.stderr.contains("setting listen"), "{out:?}");
    assert!(!signet.dir.path().join("signet.db").exists());
}
