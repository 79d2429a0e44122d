//! A browser without a window: it keeps cookies, follows the issuer's own redirects, and fills in forms.

use std::collections::HashMap;
use std::sync::Mutex;

use url::Url;

use super::{Answer, PASSWORD, TestApp};

/// The PKCE verifier of every request that tests make, and its challenge (RFC 7636 appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The redirect URI of the client `web`.
pub const CALLBACK: &str = "https://shop.example/callback";

pub struct Browser {
    http: reqwest::Client,
    url: String,
    cookies: Mutex<HashMap<String, String>>,
}

impl TestApp {
    pub fn browser(&self) -> Browser {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).user_agent("Firefox on Linux").build().unwrap();
        Browser { http, url: self.url.clone(), cookies: Mutex::default() }
    }

    /// Returns the browser `other` as it sends requests to this node: with the cookies that it has now.
    pub fn browser_with_cookies_of(&self, other: &Browser) -> Browser {
        let browser = self.browser();
        browser.cookies().clone_from(&other.cookies());
        browser
    }

    /// Returns a browser in which `username` is signed in.
    pub async fn signed_in(&self, username: &str) -> Browser {
        let browser = self.browser();
        let page = browser.get("/sign-in").await;
        let account = browser.sign_in(&page, username, PASSWORD).await;
        assert_eq!(account.status, 200, "{}", account.text);
        browser
    }

    /// Adds the confidential client `web`, which uses the code flow and is not a first-party client.
    pub async fn with_web(self) -> Self {
        let scopes = ["orders:read", "orders:write", "openid", "profile", "email", "address", "phone", "offline_access"];
        self.add_client_with("web", false, "authorization_code refresh_token", &scopes, |client| {
            client.redirect_uris = vec![CALLBACK.into()];
            client.client_name = "Web Shop".into();
            client.metadata.post_logout_redirect_uris = vec!["https://shop.example/bye".into()];
        })
        .await;
        self
    }

    /// Returns the URL of an authorization request of `web`. Parameters in `more` replace the usual ones; an empty value removes one.
    #[expect(clippy::unused_self, reason = "it reads as a request to this issuer")]
    pub fn authorize(&self, more: &[(&str, &str)]) -> String {
        let mut parameters = vec![
            ("client_id", "web"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile orders:read"),
            ("state", "the state"),
            ("nonce", "the-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        parameters.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("/authorize?{query}")
    }

    /// Redeems `code` for `web`. Parameters in `more` replace the usual ones; an empty value removes one.
    pub async fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/token").basic_auth("web", super::SECRET).form(&form).send().await
    }

    /// Runs the whole code flow of `web`: signs alice in and consents where the issuer asks, and redeems the code.
    pub async fn code_flow(&self, browser: &Browser, more: &[(&str, &str)]) -> Answer {
        let code = browser.code(&self.authorize(more)).await;
        self.redeem(&code, &[]).await
    }
}

impl Browser {
    pub async fn get(&self, path: &str) -> Answer {
        let url = self.absolute(path);
        self.follow(self.http.get(url)).await
    }

    /// Sends one request with the cookie, and follows no redirect.
    pub async fn get_once(&self, path: &str) -> Answer {
        let url = self.absolute(path);
        self.send(self.http.get(url)).await
    }

    /// Posts a form with the cookie, and follows no redirect.
    pub async fn post_once(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = self.absolute(path);
        self.send(self.http.post(url).form(fields)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = self.absolute(path);
        self.follow(self.http.post(url).form(fields)).await
    }

    /// Submits the sign-in form of `page` with header `name`, as browsers send it.
    pub async fn sign_in_with(&self, page: &Answer, username: &str, (name, value): (&str, &str)) -> Answer {
        let hidden = page.hidden("/sign-in");
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend([("username", username), ("password", PASSWORD)]);
        self.post_with("/sign-in", &all, (name, value)).await
    }

    /// Posts a form with the cookie and the header `name`, as browsers send it.
    pub async fn post_with(&self, path: &str, fields: &[(&str, &str)], (name, value): (&str, &str)) -> Answer {
        let url = self.absolute(path);
        self.follow(self.http.post(url).header(name, value).form(fields)).await
    }

    /// Posts a body as it is, with the cookie, and follows no redirect.
    pub async fn post_raw(&self, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Answer {
        let request = self.http.post(self.absolute(path)).body(body);
        self.send(content_type.into_iter().fold(request, |request, value| request.header("content-type", value))).await
    }

    /// Submits the form of `page` whose action ends with `action`, with its hidden fields and `fields`.
    pub async fn submit(&self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = page.hidden(action);
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let url = self.absolute(action);
        self.follow(self.http.post(url).form(&all)).await
    }

    pub async fn sign_in(&self, page: &Answer, username: &str, password: &str) -> Answer {
        self.submit(page, "/sign-in", &[("username", username), ("password", password)]).await
    }

    pub async fn consent(&self, page: &Answer) -> Answer {
        self.submit(page, "/consent", &[("choice", "allow")]).await
    }

    /// Sends an authorization request, signs alice in and consents where the issuer asks, and returns the code.
    pub async fn code(&self, authorize: &str) -> String {
        self.code_from(self.get(authorize).await).await
    }

    /// Signs alice in and consents where `answer` asks for it, and returns the code.
    pub async fn code_from(&self, mut answer: Answer) -> String {
        if answer.text.contains("action=\"/sign-in\"") {
            answer = self.sign_in(&answer, "alice", PASSWORD).await;
        }
        if answer.text.contains("action=\"/consent\"") {
            answer = self.consent(&answer).await;
        }
        answer.reply()["code"].clone()
    }

    pub fn cookie(&self) -> Option<String> {
        self.cookies.lock().unwrap().get("signet").cloned()
    }

    pub fn set_cookie(&self, value: &str) {
        self.cookies.lock().unwrap().insert("signet".to_owned(), value.to_owned());
    }

    /// The cookies of this browser, as a restart keeps or loses them.
    pub fn cookies(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.cookies.lock().unwrap()
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let cookies = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies) };
        let answer = Answer::of(request.send().await.unwrap()).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = cookie.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut jar = self.cookies.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Follows redirects as long as they stay with the issuer.
    async fn follow(&self, request: reqwest::RequestBuilder) -> Answer {
        let mut answer = self.send(request).await;
        for _ in 0..10 {
            let location = answer.header("location").to_owned();
            if answer.status != 303 || !location.starts_with('/') {
                return answer;
            }
            let root = Url::parse(&self.url).unwrap().join(&location).unwrap();
            answer = self.send(self.http.get(root)).await;
        }
        panic!("redirects go round in circles");
    }
}

impl Answer {
    /// Returns the parameters in the redirect to the client.
    #[track_caller]
    pub fn reply(&self) -> HashMap<String, String> {
        assert_eq!(self.status, 303, "{}", self.text);
        let url = Url::parse(self.header("location")).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// Returns the value of the hidden field `request` of the form whose action ends with `action`.
    #[track_caller]
    pub fn request(&self, action: &str) -> String {
        self.hidden(action).into_iter().find(|(name, _)| name == "request").unwrap().1
    }

    /// Returns the hidden fields of the form whose action ends with `action`.
    #[track_caller]
    pub fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let path = action.split('?').next().unwrap();
        let marker = format!("{path}\"");
        let form = self.text.split("<form").find(|form| form.split('>').next().is_some_and(|tag| tag.contains(&marker)));
        let form = form.unwrap_or_else(|| panic!("no form for {action} in {} {}", self.status, self.text)).split("</form").next().unwrap();
        let fields = form.split("<input type=\"hidden\"").skip(1);
        let attribute = |field: &str, name: &str| {
            let value = field.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
            value.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">")
        };
        fields.map(|field| (attribute(field, "name"), attribute(field, "value"))).collect()
    }

    /// Returns whether the answer sets the cookie `name`.
    pub fn sets(&self, name: &str) -> bool {
        self.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with(&format!("{name}=")))
    }

    /// Returns the first heading of a page.
    #[track_caller]
    pub fn heading(&self) -> &str {
        let heading = self.text.split("<h1>").nth(1).unwrap_or_else(|| panic!("no heading in {} {}", self.status, self.text));
        heading.split("</h1>").next().unwrap()
    }
}
