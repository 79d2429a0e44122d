//! Every page and flow in headless Chromium, by keyboard alone. `scripts/test.sh` runs these: they need chromedriver, and
//! axe-core at `AXE`.

mod admin;
mod docs;
mod logout;
mod tabs;
mod window;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::support::{PASSWORD, TestApp, claims, real_time, serve};
use window::Window;

/// A client whose page shows the parameters that it was sent.
struct Shop {
    callback: String,
}

async fn shop() -> Shop {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("http://{}/callback", listener.local_addr().unwrap());
    let page = |told: String| axum::response::Html(format!("<!DOCTYPE html><title>Shop</title><h1>Shop</h1><pre id=told>{told}</pre>"));
    let told_by_query = move |uri: Uri| async move {
        let told = uri.query().unwrap_or_default();
        // The page before stays for a while, so that a second click on it finds its button.
        if told.contains("state=slow") {
            real_time(250).await;
        }
        page(told.replace('&', "&amp;"))
    };
    let told_by_form = move |body: Bytes| async move { page(String::from_utf8(body.to_vec()).unwrap().replace('&', "&amp;")) };
    let router = Router::new().route("/callback", get(told_by_query).post(told_by_form)).route("/bye", get(told_by_query));
    tokio::spawn(async move { serve(listener, router).await });
    Shop { callback }
}

impl Shop {
    async fn register(&self, app: &TestApp) {
        let scopes = ["orders:read", "openid", "profile", "email", "offline_access"];
        app.add_client_with("web", false, "authorization_code refresh_token", &scopes, |client| {
            client.redirect_uris = vec![self.callback.clone()];
            client.client_name = "Web Shop of Many Wonderful Things".into();
            let bye = self.callback.replace("/callback", "/bye");
            client.metadata.post_logout_redirect_uris = vec![bye];
            client.metadata.client_uri = Some(self.callback.replace("/callback", "/bye"));
            client.metadata.policy_uri = Some("https://shop.example/privacy".into());
            client.metadata.tos_uri = Some("https://shop.example/terms".into());
        })
        .await;
    }

    fn request(&self, app: &TestApp, more: &[(&str, &str)]) -> String {
        let redirect = [("redirect_uri", self.callback.as_str())];
        format!("{}{}", app.url, app.authorize(&[&redirect[..], more].concat()))
    }

    /// Returns the parameter `name` that the shop was sent.
    async fn told(&self, window: &Window, name: &str) -> String {
        window.wait("!!document.querySelector('#told')").await;
        let told = window.client.execute("return document.querySelector('#told').textContent", vec![]).await.unwrap();
        let told = told.as_str().unwrap().to_owned();
        let value = url::form_urlencoded::parse(told.as_bytes()).find(|(other, _)| other == name);
        value.unwrap_or_else(|| panic!("no {name} in {told}")).1.into_owned()
    }

    /// Returns the `sub` of the person whose tokens the shop is given for the code that it was sent.
    async fn person(&self, app: &TestApp, window: &Window) -> String {
        let tokens = self.redeem(app, &self.told(window, "code").await).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text);
        claims(tokens.str("id_token"))["sub"].as_str().unwrap().to_owned()
    }

    async fn redeem(&self, app: &TestApp, code: &str) -> crate::support::Answer {
        app.redeem(code, &[("redirect_uri", &self.callback)]).await
    }
}

async fn ready() -> (TestApp, Shop, Window) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let shop = shop().await;
    shop.register(&app).await;
    (app, shop, Window::open().await)
}

async fn sign_in(window: &Window, password: &str) {
    sign_in_as(window, "alice", password).await;
}

async fn sign_in_as(window: &Window, username: &str, password: &str) {
    window.fill("#username", username).await;
    window.fill("#password", password).await;
    window.activate("button.primary").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_person_signs_in_consents_and_signs_out() {
    let (app, shop, window) = ready().await;
    window.goto(&shop.request(&app, &[("scope", "openid profile orders:read offline_access")])).await;
    assert_eq!(window.heading().await, "Sign in");
    // The first field has the focus, so that a person can type at once.
    window.wait("document.activeElement.id === 'username'").await;
    window.inspect("sign-in").await;
    sign_in(&window, "not the password").await;
    window.inspect("sign-in-error").await;
    sign_in(&window, PASSWORD).await;
    assert_eq!(window.heading().await, "Allow Web Shop of Many Wonderful Things access?");
    window.inspect("consent").await;
    window.activate("button[value=allow]").await;
    let tokens = shop.redeem(&app, &shop.told(&window, "code").await).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);

    // No page is shown from now on, because the person has signed in and consented. The answer comes in a form that posts itself.
    window.goto(&shop.request(&app, &[("response_mode", "form_post"), ("prompt", "none"), ("scope", "openid")])).await;
    assert_eq!(shop.redeem(&app, &shop.told(&window, "code").await).await.status, 200);
    window.goto(&shop.request(&app, &[("prompt", "select_account")])).await;
    window.inspect("select-account").await;
    window.activate("button[value=continue]").await;
    assert_eq!(shop.told(&window, "state").await, "the state");
    window.goto(&shop.request(&app, &[("prompt", "login")])).await;
    window.inspect("sign-in-again").await;
    window.fill("#password", PASSWORD).await;
    window.activate("button.primary").await;
    shop.told(&window, "code").await;

    let bye = shop.callback.replace("/callback", "/bye");
    window.goto(&format!("{}/end_session?client_id=web&state=s&post_logout_redirect_uri={bye}", app.url)).await;
    window.inspect("sign-out").await;
    window.activate("button[value=stay]").await;
    window.inspect("still-signed-in").await;
    window.goto(&format!("{}/end_session?client_id=web&state=s&post_logout_redirect_uri={bye}", app.url)).await;
    window.activate("button[value=sign-out]").await;
    assert_eq!(shop.told(&window, "state").await, "s");
    window.goto(&shop.request(&app, &[("prompt", "none")])).await;
    assert_eq!(shop.told(&window, "error").await, "login_required");
    window.goto(&format!("{}/signed-out", app.url)).await;
    window.inspect("signed-out").await;
    window.goto(&format!("{}/authorize?client_id=nobody", app.url)).await;
    window.inspect("error").await;
    window.goto(&format!("{}/nowhere", app.url)).await;
    assert_eq!(window.heading().await, "There is nothing here");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_person_looks_after_their_account() {
    let (app, shop, window) = ready().await;
    app.generate_password("alice").await;
    let elsewhere = app.signed_in("alice").await;
    window.goto(&format!("{}/", app.url)).await;
    sign_in(&window, PASSWORD).await;
    assert_eq!(window.heading().await, "Choose your password");
    window.inspect("choose-password").await;
    let chosen = "my very own horse staple";
    let change = async |current: &str, new: &str, repeated: &str| {
        window.fill("#current_password", current).await;
        window.fill("#new_password", new).await;
        window.fill("#repeat_password", repeated).await;
        window.activate("button.primary").await;
    };
    change(PASSWORD, "password1", "password1").await;
    window.inspect("choose-password-error").await;
    change(PASSWORD, chosen, chosen).await;
    window.inspect("password-changed").await;
    assert_eq!(elsewhere.get("/account").await.heading(), "Sign in", "other sessions are ended unless the person says no");

    window.activate("nav a[href$='/account']").await;
    window.fill("#profile-given_name", "Alice").await;
    window.fill("#profile-birthdate", "soon").await;
    window.activate("button.primary").await;
    window.inspect("profile-error").await;
    window.fill("#profile-birthdate", "1990-12-31").await;
    window.activate("button.primary").await;
    window.inspect("profile").await;

    window.goto(&shop.request(&app, &[])).await;
    window.activate("button[value=allow]").await;
    shop.told(&window, "code").await;
    window.goto(&shop.request(&app, &[("prompt", "consent")])).await;
    window.activate("button[value=deny]").await;
    assert_eq!(shop.told(&window, "error").await, "access_denied");
    window.goto(&format!("{}/account/consents", app.url)).await;
    window.inspect("consents").await;
    window.activate("main button").await;
    window.inspect("no-consents").await;

    let other = app.browser();
    let page = other.get("/sign-in").await;
    assert_eq!(other.sign_in(&page, "alice", chosen).await.status, 200);
    window.goto(&format!("{}/account/devices", app.url)).await;
    window.inspect("devices").await;
    window.activate("button[value=end-others]").await;
    assert_eq!(other.get("/account").await.heading(), "Sign in");
    window.activate("header form button").await;
    assert_eq!(window.heading().await, "You are signed out");
}
