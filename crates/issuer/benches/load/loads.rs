//! The loads: the requests that each connection sends again and again.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::server::{Answer, Connection, Rate, Server};
use crate::{CALLBACK, CONNECTIONS, PASSWORD};

/// The PKCE verifier of every authorization request, and its challenge (RFC 7636 appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The state that loads keep between their rounds.
pub struct Loads {
    client_credentials: String,
    sign_ins: Vec<String>,
    refresh_tokens: Vec<Mutex<String>>,
    cookies: Vec<String>,
}

#[track_caller]
fn token_response(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn refresh_token(answer: &Answer) -> String {
    token_response(answer)["refresh_token"].as_str().unwrap().to_owned()
}

/// Returns the request by which `username` signs in with the password grant.
pub fn sign_in(server: &Server, username: &str) -> String {
    let password = PASSWORD.replace(' ', "+");
    server.request(&format!("grant_type=password&username={username}&password={password}&scope=orders:read"))
}

/// Signs a user in at the sign-in page; returns the cookies.
pub fn cookie(server: &Server, username: &str) -> String {
    let mut connection = Connection::open(server.port);
    let page = connection.send("GET /sign-in HTTP/1.1\r\nhost: x\r\n\r\n");
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("csrf={csrf}&username={username}&password={}", PASSWORD.replace(' ', "+"));
    let head =
        format!("POST /sign-in HTTP/1.1\r\nhost: x\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded", page.cookies());
    let answer = connection.send(&format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.cookies()
}

impl Loads {
    pub fn prepare(server: &Server) -> Self {
        let sign_ins: Vec<_> = (0..CONNECTIONS).map(|number| sign_in(server, &format!("user{number}"))).collect();
        let first = |sign_in: &String| Mutex::new(refresh_token(&Connection::open(server.port).send(sign_in)));
        Self {
            client_credentials: server.request("grant_type=client_credentials&scope=orders:read"),
            refresh_tokens: sign_ins.iter().map(first).collect(),
            sign_ins,
            cookies: (0..CONNECTIONS).map(|number| cookie(server, &format!("user{number}"))).collect(),
        }
    }

    /// Fetches one of the public documents.
    pub fn document(server: &Server, path: &str, length: Duration) -> Rate {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        server.load(length, |_, connection| {
            let answer = connection.send(&request);
            assert_eq!(answer.status, 200, "{}", answer.body);
            1
        })
    }

    pub fn client_credentials(&self, server: &Server, length: Duration) -> Rate {
        server.load(length, |_, connection| {
            token_response(&connection.send(&self.client_credentials));
            1
        })
    }

    pub fn refresh(&self, server: &Server, length: Duration) -> Rate {
        server.load(length, |number, connection| {
            self.refresh_on(server, number, connection);
            1
        })
    }

    fn refresh_on(&self, server: &Server, number: usize, connection: &mut Connection) {
        let mut token = self.refresh_tokens[number].lock().unwrap();
        *token = refresh_token(&connection.send(&server.request(&format!("grant_type=refresh_token&refresh_token={token}"))));
    }

    /// One refresh, on a connection of its own.
    pub fn refresh_once(&self, server: &Server) {
        self.refresh_on(server, 0, &mut Connection::open(server.port));
    }

    /// An authorization request that is answered at once, and the redemption of its code.
    pub fn code(&self, server: &Server, length: Duration) -> Rate {
        server.load(length, |number, connection| {
            self.code_on(server, number, connection);
            1
        })
    }

    fn code_on(&self, server: &Server, number: usize, connection: &mut Connection) {
        let query = format!(
            "response_type=code&client_id=worker&redirect_uri={CALLBACK}&scope=orders:read&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let cookie = &self.cookies[number];
        let answer = connection.send(&format!("GET /authorize?{query} HTTP/1.1\r\nhost: x\r\ncookie: {cookie}\r\n\r\n"));
        let location = answer.header("location").unwrap_or_else(|| panic!("{}", answer.body));
        let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}");
        token_response(&connection.send(&server.request(&form)));
    }

    /// One authorization request with its redemption, on a connection of its own.
    pub fn code_once(&self, server: &Server) {
        self.code_on(server, 0, &mut Connection::open(server.port));
    }

    pub fn password(&self, server: &Server, length: Duration) -> Rate {
        server.load(length, |number, connection| {
            let answer = connection.send(&self.sign_ins[number]);
            assert!(answer.status == 200 || answer.status == 503, "{} {}", answer.status, answer.body);
            u64::from(answer.status == 200)
        })
    }
}
