//! All errors of settings, of the command line, of the token endpoint and of registration in one text, so that they can be read one after
//! the other. Each names the field, what was found (never a secret) and what was expected, with an example where words do not suffice.

use std::fmt::Write;

use serde_json::{Value, json};
use signet_issuer::config::Settings;

use crate::cli::{Signet, mistakes, with_orders};
use crate::config::wrong_settings;
use crate::support::{Answer, CALLBACK, ORDERS, PASSWORD, SECRET, TestApp};

/// The words of a wrong value that must not be repeated, because it may be a secret.
const SECRETS: [&str; 3] = ["sek", SECRET, PASSWORD];

/// The words by which an error says what was found where something else was expected.
const WITH_WHAT_WAS_FOUND: [&str; 5] = ["; found ", "; there is no ", " appears twice", "invalid value ", "expected no client_credentials"];

/// The words of errors that do not say what was found, because it is a secret, or a URL that may hold one.
const ABOUT_SECRETS: [&str; 3] = ["setting database_url: ", "password: ", "--password-hash: "];

/// A text that grows by errors, each under what caused it.
#[derive(Default)]
struct Text(String);

impl Text {
    fn heading(&mut self, heading: &str) {
        let _ = write!(self.0, "\n# {heading}\n\n");
    }

    fn error(&mut self, cause: &str, error: &str) {
        let error = error.trim().trim_start_matches("signet: ");
        let cause: String = cause.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        let cause = if cause.chars().count() > 200 { format!("{}…", cause.chars().take(200).collect::<String>()) } else { cause };
        let _ = writeln!(self.0, "{cause}\n    {error}");
    }
}

/// A value that no setting accepts, for each setting by the kind of its default.
fn wrong_value(name: &str, default: &Value) -> Option<&'static str> {
    match default {
        Value::Number(_) => Some("-1"),
        Value::Bool(_) => Some("perhaps"),
        // Any path, any client id and any contact may be right.
        _ if ["keys_dir", "default_client", "fetch_ca_file", "support_contact"].contains(&name) => None,
        _ => Some("not right"),
    }
}

fn settings(text: &mut Text) {
    let signet = Signet::new();
    let mut asked = |name: &str, value: &str| {
        let out = signet.run_with(&[(name, value)], &["migrate"], "");
        assert!(!out.success, "{name}={value}");
        text.error(&format!("{name}={value}"), &out.stderr.replace(signet.dir.path().to_str().unwrap(), "DIR"));
    };
    let defaults = Settings::defaults("http://localhost:8080", ([127, 0, 0, 1], 8080).into()).unwrap();
    for (name, default) in serde_json::to_value(defaults).unwrap().as_object().unwrap() {
        if let Some(value) = wrong_value(name, default) {
            asked(&format!("SIGNET_{}", name.to_uppercase()), value);
        }
    }
    for (name, value, _) in wrong_settings() {
        asked(name, value);
    }
}

fn command_line(text: &mut Text) {
    let signet = with_orders();
    for (args, stdin, _) in mistakes() {
        text.error(&format!("$ signet {}", args.join(" ")), &signet.error(&args, stdin));
    }
}

async fn token_endpoint(text: &mut Text) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_client("service", false, "client_credentials", &["orders:read"]).await;
    app.add_resource("https://other.example", &["other"], None).await;
    let (cc, password, code) = (("grant_type", "client_credentials"), ("grant_type", "password"), ("grant_type", "authorization_code"));
    let alice = [password, ("username", "alice"), ("password", PASSWORD), ("client_id", "shop")];
    let by_post = [cc, ("client_id", "service"), ("client_secret", SECRET)];
    let assertion_type = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let forms: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("grant_type", "")],
        vec![("grant_type", "implicit")],
        vec![cc, cc],
        vec![cc],
        vec![cc, ("client_id", "nobody")],
        vec![cc, ("client_id", "service")],
        vec![cc, ("client_id", "service"), ("client_secret", "wrong")],
        vec![cc, ("client_secret", "sek")],
        vec![cc, ("client_assertion", "x.y.z")],
        vec![cc, ("client_assertion", "x.y.z"), ("client_assertion_type", "saml")],
        vec![cc, ("client_assertion", "x.y.z"), assertion_type],
        vec![cc, assertion_type],
        vec![cc, ("client_assertion", "x.y.z"), assertion_type, ("client_secret", "sek")],
        [&by_post[..], &[("scope", "orders:write")]].concat(),
        [&by_post[..], &[("scope", "orders:read \"")]].concat(),
        [&by_post[..], &[("scope", "nonsense")]].concat(),
        [&by_post[..], &[("resource", "https://nowhere.example")]].concat(),
        [&by_post[..], &[("resource", "https://other.example")]].concat(),
        [&by_post[..], &[("resource", ORDERS), ("resource", "https://other.example")]].concat(),
        vec![code, ("client_id", "shop"), ("code", "x")],
        vec![password, ("client_id", "shop")],
        vec![password, ("client_id", "shop"), ("username", "alice")],
        vec![password, ("client_id", "shop"), ("username", "alice"), ("password", "sek")],
        vec![password, ("client_id", "shop"), ("username", "nobody"), ("password", "sek")],
        [&alice[..], &[("scope", "admin")]].concat(),
        [&alice[..], &[("scope", "openid"), ("resource", ORDERS)]].concat(),
        vec![("grant_type", "refresh_token"), ("client_id", "shop")],
        vec![("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", "sek")],
    ];
    for form in forms {
        let answer = app.token(&form).await;
        answered(text, &app, &written(&form), &answer);
    }
    let web = |more: &[(&'static str, &'static str)]| [&[code], more].concat();
    let (sent, uri) = (("code", "sek"), ("redirect_uri", CALLBACK));
    for form in [web(&[]), web(&[sent]), web(&[sent, uri]), web(&[sent, uri, ("code_verifier", "short")])] {
        let answer = app.post("/token").basic_auth("web", SECRET).form(&form).send().await;
        answered(text, &app, &format!("Authorization: Basic (web) {}", written(&form)), &answer);
    }
    let both = app.post("/token").basic_auth("service", SECRET).form(&by_post).send().await;
    answered(text, &app, "Authorization: Basic (service) beside client_secret", &both);
    for header in ["Basic !", "Bearer x", "sek"] {
        let answer = app.post("/token").header("authorization", header).form(&[cc]).send().await;
        answered(text, &app, &format!("Authorization: {header}"), &answer);
    }
    let secret_in_url = app.post("/token?client_secret=sek").form(&[cc]).send().await;
    answered(text, &app, "POST /token?client_secret=…", &secret_in_url);
    let json = Answer::of(app.http.post(format!("{}/token", app.url)).json(&json!({})).send().await.unwrap()).await;
    answered(text, &app, "Content-Type: application/json", &json);
    answered(text, &app, "grant_type=%", &app.post("/token").raw("grant_type=%").send().await);
    answered(text, &app, "a body of 70,000 bytes", &app.post("/token").raw("x".repeat(70_000)).send().await);
    answered(text, &app, "GET /token", &app.get("/token").send().await);
    let mut late = app.try_password("alice", "sek", "").await;
    for _ in 0..6 {
        late = app.try_password("alice", "sek", "").await;
    }
    answered(text, &app, "the seventh wrong password in a row", &late);
}

fn written(form: &[(&str, &str)]) -> String {
    let shown = |(name, value): &(&str, &str)| match *name {
        "password" | "client_secret" | "code" | "refresh_token" => format!("{name}=…"),
        _ => format!("{name}={value}"),
    };
    form.iter().map(shown).collect::<Vec<_>>().join("&")
}

fn answered(text: &mut Text, app: &TestApp, cause: &str, answer: &Answer) {
    assert!(answer.status >= 400, "{cause}: {}", answer.text);
    let (status, error) = answer.error();
    text.error(cause, &format!("{status} {error}: {}", answer.str("error_description").replace(&app.url, "ISSUER")));
}

async fn registration(text: &mut Text) {
    let app = TestApp::with(|settings| settings.open_registration = true).await;
    let with = |member: &str, value: Value| {
        let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"] });
        metadata[member] = value;
        metadata
    };
    let mut bodies: Vec<String> =
        ["", "[]", "{", "{\"redirect_uris\": [\"https://new.example/cb\"], \"redirect_uris\": []}"].map(str::to_owned).into();
    for (member, value) in [
        ("redirect_uris", json!([])),
        ("redirect_uris", json!("https://new.example/cb")),
        ("redirect_uris", json!(["http://new.example/cb"])),
        ("redirect_uris", json!(["https://new.example/cb#x"])),
        ("redirect_uris", json!(["cursor://host/cb"])),
        ("redirect_uris", json!(["javascript:alert(1)"])),
        ("redirect_uris", json!((0..21).map(|n| format!("https://new.example/{n}")).collect::<Vec<_>>())),
        ("redirect_uris", json!([format!("https://new.example/{}", "x".repeat(2048))])),
        ("client_name", json!("zero\u{200b}width")),
        ("client_name", json!(7)),
        ("grant_types", json!("authorization_code")),
        ("grant_types", json!(["client_credentials"])),
        ("response_types", json!(["token"])),
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("application_type", json!("desktop")),
        ("subject_type", json!("pairwise")),
        ("id_token_encrypted_response_alg", json!("RSA-OAEP")),
        ("id_token_signed_response_alg", json!("none")),
        ("userinfo_signed_response_alg", json!("ES256")),
        ("request_object_signing_alg", json!("RS256")),
        ("require_pushed_authorization_requests", json!(true)),
        ("dpop_bound_access_tokens", json!(true)),
        ("logo_uri", json!("javascript:alert(1)")),
        ("client_uri", json!("not a url")),
        ("initiate_login_uri", json!("http://new.example/login")),
        ("jwks_uri", json!("http://new.example/jwks")),
        ("jwks", json!([])),
        ("jwks", json!("{\"keys\":[{\"kty\":\"RSA\",\"d\":\"sek\"}]}")),
        ("jwks_uri", json!({ "keys": [{ "kty": "RSA", "d": "sek" }] })),
        ("redirect_uris", json!(["https://shop:sek@new.example/cb"])),
        ("client_uri", json!("ftp://shop:sek@new.example/")),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "sek" }] })),
        ("jwks", json!({ "keys": [{ "kid": "sek" }] })),
        ("jwks", json!({ "keys": vec![json!({ "kty": "RSA" }); 21] })),
        ("jwks", json!({ "key": "sek" })),
        ("jwks_uri", json!(["-----BEGIN PRIVATE KEY----- sek"])),
        ("jwks_uri", json!("-----BEGIN PRIVATE KEY----- sek")),
        ("default_max_age", json!(-1)),
        ("default_max_age", json!("soon")),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("contacts", json!(["a\nb"])),
        ("sector_identifier_uri", json!("https://127.0.0.1/sector")),
        ("scope", json!("\"")),
        ("scope", json!(["openid"])),
    ] {
        bodies.push(with(member, value).to_string());
    }
    let mut no_usable_key = with("token_endpoint_auth_method", json!("private_key_jwt"));
    no_usable_key["jwks"] = json!({ "keys": [{ "kty": "RSA" }, { "kty": "EC", "kid": "sek" }] });
    bodies.push(no_usable_key.to_string());
    for body in bodies {
        let answer = Answer::of(app.http.post(format!("{}/register", app.url)).body(body.clone()).send().await.unwrap()).await;
        answered(text, &app, &body.replace("{\"redirect_uris\":[\"https://new.example/cb\"],", "{…,"), &answer);
    }
    let closed = TestApp::new().await;
    let request = || closed.http.post(format!("{}/register", closed.url)).body("{}");
    answered(text, &closed, "registration that is closed", &Answer::of(request().send().await.unwrap()).await);
    answered(text, &closed, "a wrong token", &Answer::of(request().bearer_auth("sek").send().await.unwrap()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_can_be_read_and_acted_on() {
    let mut text = Text::default();
    text.heading("Settings");
    settings(&mut text);
    text.heading("Command line");
    command_line(&mut text);
    text.heading("Token endpoint");
    token_endpoint(&mut text).await;
    text.heading("Registration");
    registration(&mut text).await;
    for error in text.0.lines().filter(|line| line.starts_with("    ")) {
        assert!(!SECRETS.iter().any(|secret| error.contains(secret)), "a secret is repeated: {error}");
        // One error may name several fields.
        for fault in error.split("; --").filter(|fault| fault.contains("expected ")) {
            assert!(WITH_WHAT_WAS_FOUND.iter().chain(&ABOUT_SECRETS).any(|words| fault.contains(words)), "what was found? {fault}");
        }
    }
    insta::assert_snapshot!("messages", text.0);
}
