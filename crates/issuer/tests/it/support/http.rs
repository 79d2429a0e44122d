//! The requests of clients, and the answers to them.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{PASSWORD, SECRET, TestApp};

/// An answer whose body was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// The body as JSON; null if it is not JSON.
    pub json: Value,
}

impl Answer {
    /// Returns the source by which a Content-Security-Policy allows the first script of the page (CSP Level 3 §2.3.1).
    pub fn script_source(&self) -> String {
        let script = self.text.split("<script>").nth(1).unwrap_or_else(|| panic!("no script: {}", self.text));
        let script = script.split("</script>").next().unwrap();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
        format!("'sha256-{}'", BASE64_STANDARD.encode(hash))
    }

    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    /// Returns a string member of the body.
    #[track_caller]
    pub fn str(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name} in {} {}", self.status, self.text))
    }

    /// Returns the value of a header, or an empty string if the answer does not have it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the status and the error code; the code is empty if there is none.
    pub fn error(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or(""))
    }

    /// Returns the claims of the access token.
    #[track_caller]
    pub fn claims(&self) -> Value {
        claims(self.str("access_token"))
    }
}

/// Returns the payload of a JWT without verifying it.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// Returns the header of a JWT without verifying it.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// A request that is not sent yet.
pub struct Request(reqwest::RequestBuilder);

impl Request {
    pub fn form(self, parameters: &[(&str, &str)]) -> Self {
        Self(self.0.form(parameters))
    }

    /// Sets a body that is sent as it is, with the content type of forms.
    pub fn raw(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.header("content-type", "application/x-www-form-urlencoded").body(body))
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub fn basic_auth(self, id: &str, secret: &str) -> Self {
        Self(self.0.basic_auth(id, Some(secret)))
    }

    pub fn bearer(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    pub async fn send(self) -> Answer {
        Answer::of(self.0.send().await.unwrap()).await
    }
}

impl TestApp {
    pub fn get(&self, path: &str) -> Request {
        Request(self.http.get(format!("{}{path}", self.url)))
    }

    pub fn post(&self, path: &str) -> Request {
        Request(self.http.post(format!("{}{path}", self.url)))
    }

    /// Sends `POST /token` with `parameters`.
    pub async fn token(&self, parameters: &[(&str, &str)]) -> Answer {
        self.post("/token").form(parameters).send().await
    }

    /// Uses the password grant for `username` with the client `shop` and the right password.
    pub async fn sign_in(&self, username: &str, scope: &str) -> Answer {
        self.try_password(username, PASSWORD, scope).await
    }

    pub async fn try_password(&self, username: &str, password: &str, scope: &str) -> Answer {
        let parameters =
            [("grant_type", "password"), ("client_id", "shop"), ("username", username), ("password", password), ("scope", scope)];
        self.token(&parameters).await
    }

    /// Uses the refresh grant with the client `shop`.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", refresh_token)]).await
    }

    /// Uses the client credentials grant with the confidential client `id`.
    pub async fn client_token(&self, id: &str, scope: &str) -> Answer {
        self.post("/token").basic_auth(id, SECRET).form(&[("grant_type", "client_credentials"), ("scope", scope)]).send().await
    }

    pub async fn introspect(&self, id: &str, token: &str) -> Answer {
        self.post("/introspect").basic_auth(id, SECRET).form(&[("token", token)]).send().await
    }
}

/// Runs `futures` at once, in one task that polls them all, and returns their values in order.
pub async fn at_once<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, answer) in &mut pinned {
            if answer.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *answer = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pinned.into_iter().map(|(_, answer)| answer.unwrap()).collect()
}
