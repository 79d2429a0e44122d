//! The user and the password of a URL that a stranger sends in any place are in no log line, no stored event and no error text.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

use crate::support::{Answer, Log, SECRET, TestApp};

const SENT: &str = "https://shop:hunter2@x.example/a";
const IN_URL: &str = "hunter2";

const OF_TOKENS: [&str; 13] = [
    "resource",
    "audience",
    "scope",
    "client_id",
    "redirect_uri",
    "code",
    "code_verifier",
    "refresh_token",
    "username",
    "grant_type",
    "client_assertion",
    "client_assertion_type",
    "token_type_hint",
];
const OF_AUTHORIZATION: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "prompt",
    "max_age",
    "resource",
    "audience",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "ui_locales",
    "request",
    "request_uri",
    "registration",
];
const OF_SIGN_OUT: [&str; 5] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "logout_hint", "ui_locales"];
/// Without the texts that an app may write as it likes, and that are stored so.
const OF_REGISTRATION: [&str; 20] = [
    "redirect_uris",
    "post_logout_redirect_uris",
    "request_uris",
    "logo_uri",
    "client_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "jwks",
    "sector_identifier_uri",
    "initiate_login_uri",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "software_statement",
    "scope",
    "grant_types",
    "response_types",
    "application_type",
    "token_endpoint_auth_method",
    "default_max_age",
];

/// What the answer says about an error: the text of a page or of JSON, and what a redirect tells the client.
fn told(answer: &Answer) -> String {
    let redirected = url::Url::parse(answer.header("location")).ok();
    let description =
        redirected.and_then(|url| url.query_pairs().find(|(name, _)| name == "error_description").map(|pair| pair.1.into_owned()));
    let text = if answer.status >= 400 { answer.text.as_str() } else { "" };
    format!("{text}{}", description.unwrap_or_default())
}

/// The places that were found to tell the password of the URL.
#[derive(Default)]
struct Leaks {
    log: Log,
    /// The length of the log that was read.
    read: usize,
    found: Vec<String>,
}

impl Leaks {
    /// Looks at the answer to a request that holds the URL at `place`, and at what was logged meanwhile.
    fn look(&mut self, place: &str, answer: &str) {
        let log = self.log.text();
        for text in log[self.read..].lines().chain([answer]).filter(|text| text.contains(IN_URL)) {
            self.found.push(format!("{place}: {text}"));
        }
        self.read = log.len();
    }
}

/// The URL alone, in a list and in an object.
fn shapes() -> [Value; 3] {
    [json!(SENT), json!([SENT]), json!({ "a": SENT })]
}

async fn app() -> TestApp {
    let app =
        TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_user("alice").await.with_web().await;
    let grants = "authorization_code refresh_token password client_credentials";
    app.add_client_with("all", false, grants, &["openid", "orders:read"], |client| {
        client.redirect_uris = vec![crate::support::CALLBACK.into()];
    })
    .await;
    app.add_client("hub", false, "client_credentials", &["ssf.manage"]).await;
    app
}

async fn forms(app: &TestApp, leaks: &mut Leaks) {
    for path in ["/token", "/revoke", "/introspect"] {
        for name in OF_TOKENS {
            for grant in ["client_credentials", "password", "refresh_token", "authorization_code"] {
                let usual = [
                    ("grant_type", grant),
                    ("username", "alice"),
                    ("password", crate::support::PASSWORD),
                    ("refresh_token", "x"),
                    ("code", "x"),
                    ("token", "x"),
                ];
                let form: Vec<_> = usual.into_iter().filter(|(usual, _)| *usual != name).chain([(name, SENT)]).collect();
                let request = app.post(path).form(&form);
                let by_itself = ["client_id", "client_assertion", "client_assertion_type"].contains(&name);
                let answer = if by_itself { request } else { request.basic_auth("all", SECRET) }.send().await;
                leaks.look(&format!("{name} of {grant} at {path}"), &told(&answer));
            }
        }
        let twice = app.post(path).basic_auth("all", SECRET).form(&[(SENT, "1"), (SENT, "2")]).send().await;
        leaks.look(&format!("the name of a parameter at {path}"), &told(&twice));
        for (id, secret) in [(SENT, "x"), ("all", SENT)] {
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            for (id, secret) in [(id.to_owned(), secret.to_owned()), (encoded(id), encoded(secret))] {
                let answer =
                    app.post(path).basic_auth(&id, &secret).form(&[("grant_type", "client_credentials"), ("token", "x")]).send().await;
                leaks.look(&format!("Basic {id}:{secret} at {path}"), &told(&answer));
            }
        }
    }
}

async fn queries(app: &TestApp, leaks: &mut Leaks) {
    for name in OF_AUTHORIZATION {
        for prompt in ["login", "none"] {
            let request = app.authorize(&[("prompt", prompt), (name, SENT)]);
            let browser = app.browser();
            let answer = browser.get_once(&request).await;
            leaks.look(&format!("{name} at /authorize"), &told(&answer));
            let twice = format!("{request}&{}", Serializer::new(String::new()).append_pair(name, SENT).finish());
            leaks.look(&format!("{name} twice at /authorize"), &told(&browser.get_once(&twice).await));
            if answer.text.contains("name=\"password\"") {
                let answer = browser.sign_in(&answer, "alice", crate::support::PASSWORD).await;
                leaks.look(&format!("{name} at the sign-in"), &told(&answer));
            }
        }
    }
    for name in OF_SIGN_OUT {
        for usual in ["", "web"] {
            let mut query = Serializer::new(String::new());
            query.append_pair(name, SENT);
            if !usual.is_empty() && name != "client_id" {
                query.append_pair("client_id", usual);
            }
            let query = query.finish();
            let answer = app.browser().get_once(&format!("/end_session?{query}")).await;
            leaks.look(&format!("{name} at /end_session"), &told(&answer));
            let by_post = app.post("/end_session").basic_auth("web", SECRET).form(&[(name, SENT)]).send().await;
            leaks.look(&format!("{name} by POST at /end_session"), &told(&by_post));
        }
    }
}

async fn json_bodies(app: &TestApp, leaks: &mut Leaks) {
    for name in OF_REGISTRATION {
        for value in shapes() {
            let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"] });
            metadata[name] = value;
            let answer = Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await;
            leaks.look(&format!("{metadata} at /register"), &told(&answer));
        }
    }
    let form = [("grant_type", "client_credentials"), ("scope", "ssf.manage"), ("resource", &app.url)];
    let token = app.post("/token").basic_auth("hub", SECRET).form(&form).send().await;
    let token = token.str("access_token");
    for path in ["/ssf/streams", "/ssf/status", "/ssf/subjects/add", "/ssf/subjects/remove", "/ssf/verify"] {
        for name in ["stream_id", "status", "reason", "subject", "state", "delivery", "events_requested", "description", "aud"] {
            for value in
                shapes().into_iter().chain([json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": SENT }), json!({ "method": SENT })])
            {
                let answer = app.post(path).bearer(token).json(&json!({ name: value })).send().await;
                leaks.look(&format!("{name}: {value} at {path}"), &told(&answer));
            }
        }
    }
}

/// Returns the answer to a request whose target is sent as it is.
async fn raw(app: &TestApp, target: &str) -> String {
    let address = url::Url::parse(&app.url).unwrap().socket_addrs(|| None).unwrap()[0];
    let (mut peer, mut answer) = (TcpStream::connect(address).await.unwrap(), String::new());
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    peer.write_all(request.as_bytes()).await.unwrap();
    peer.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn heads(app: &TestApp, leaks: &mut Leaks) {
    for name in ["host", "origin", "referer", "forwarded", "x-forwarded-for", "x-forwarded-host", "content-type", "accept", "authorization"]
    {
        for path in ["/token", "/register", "/end_session", "/sign-in", "/ssf/streams", "/api/v1/users"] {
            for value in [SENT.to_owned(), format!("Bearer {SENT}"), format!("Basic {SENT}")] {
                let request = app.http.request(Method::POST, format!("{}{path}", app.url)).header(name, &value).body("a=b");
                let answer = Answer::of(request.send().await.unwrap()).await;
                leaks.look(&format!("{name}: {value} at {path}"), &told(&answer));
            }
        }
    }
    let encoded = "https%3A%2F%2Fshop%3Ahunter2%40x.example%2Fa";
    for target in [
        "http://shop:hunter2@localhost/nothing".to_owned(),
        "http://shop:hunter2@localhost/token?a=b".to_owned(),
        format!("/{SENT}"),
        format!("/authorize/{SENT}"),
        format!("/register/{encoded}"),
        format!("/clients/{encoded}/logo"),
        format!("/api/v1/resources/{encoded}"),
        format!("/docs/{encoded}"),
    ] {
        let answer = raw(app, &target).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{target}: {answer}");
        leaks.look(&target, &answer);
    }
}

#[test]
fn the_password_of_a_url_that_a_stranger_sends_is_never_told() {
    let mut leaks = Leaks::default();
    leaks.log.clone().runtime().block_on(async {
        let app = tokio::spawn(app()).await.unwrap();
        forms(&app, &mut leaks).await;
        queries(&app, &mut leaks).await;
        json_bodies(&app, &mut leaks).await;
        heads(&app, &mut leaks).await;
        app.app.refusals.flush(&app.app.store).await.unwrap();
        for table in ["client_refusals", "audit_events"] {
            for row in app.dump(table).await.lines() {
                leaks.look(table, row);
            }
        }
    });
    assert!(leaks.found.is_empty(), "{} places:\n{}", leaks.found.len(), leaks.found.join("\n"));
    let log = leaks.log.text();
    assert!(log.contains("...@x.example"), "the rest of a URL is logged: {log}");
}
