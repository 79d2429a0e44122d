//! What pages of clients see in the browser when people sign out: the frame of session management, and the frames of the sign-out page.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Uri, header};
use axum::response::{Html, IntoResponse};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::window::Window;
use super::{sign_in, sign_in_as};
use crate::support::{PASSWORD, SECRET, TestApp, VERIFIER, claims, real_time, serve};

/// The page of a client, with the frame of the issuer and its own frame, which asks what the issuer's frame says. `told` collects the answers.
const WATCHING: &str = r#"<!DOCTYPE html><title>Watching</title><h1>Watching</h1><script>
var told = [];
const query = new URLSearchParams(location.search);
function add(name, url) { const frame = document.createElement("iframe"); frame.name = name; frame.src = url; document.body.append(frame); return frame; }
addEventListener("DOMContentLoaded", () => {
  add("op", query.get("op")).onload = () => add("rp", "/rp").onload = () => document.documentElement.dataset.ready = "yes";
});
function ask(message, origin) { frames.rp.ask(message, origin); }
</script>"#;
const ASKING: &str = r#"<!DOCTYPE html><title>Asking</title><script>
addEventListener("message", event => parent.told.push([event.data, event.origin]));
function ask(message, origin) { parent.frames.op.postMessage(message, origin); }
</script>"#;

/// A web site of clients, which keeps the requests for it.
struct Pages {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Pages {
    /// Opens a site whose URL has the host `host`, a name of this machine.
    async fn open(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{host}:{}", listener.local_addr().unwrap().port());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&asked);
        let router = Router::new().fallback(async move |uri: Uri| {
            kept.lock().unwrap().push(uri.to_string());
            let page = match uri.path() {
                "/watch" => WATCHING,
                "/rp" => ASKING,
                "/never" => std::future::pending().await,
                _ => "<!DOCTYPE html><title>Shop</title><h1>Shop</h1>",
            };
            ([(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
        });
        tokio::spawn(async move { serve(listener, router).await });
        Self { url, asked }
    }

    fn asked(&self, path: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|uri| uri.starts_with(path)).cloned().collect()
    }

    fn callback(&self) -> String {
        format!("{}/callback", self.url)
    }

    async fn register(&self, app: &TestApp, id: &str, session_management: bool, frame: Option<String>) {
        app.add_client_with(id, false, "authorization_code", &["openid"], |client| {
            client.redirect_uris = vec![self.callback()];
            client.first_party = true;
            client.session_management = session_management;
            client.metadata.frontchannel_logout_session_required = frame.is_some();
            client.metadata.frontchannel_logout_uri = frame;
            client.metadata.post_logout_redirect_uris = vec![format!("{}/bye", self.url)];
        })
        .await;
    }

    /// Opens an authorization request of the client `id`.
    async fn enter(&self, app: &TestApp, window: &Window, id: &str) {
        let more = [("client_id", id), ("redirect_uri", &self.callback()), ("scope", "openid")];
        window.goto(&format!("{}{}", app.url, app.authorize(&more))).await;
    }

    /// Waits for the answer to the client, and returns its parameter `name`.
    async fn told(&self, window: &Window, name: &str) -> String {
        window.wait("location.pathname === '/callback'").await;
        let url = window.client.current_url().await.unwrap();
        url.query_pairs().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name} in {url}")).1.into_owned()
    }

    async fn watch(&self, app: &TestApp, window: &Window) {
        window.goto(&format!("{}/watch?op={}/check_session", self.url, app.url)).await;
        window.wait("document.documentElement.dataset.ready === 'yes'").await;
    }
}

/// Posts `message` to the frame of the issuer, and returns its answer. It must come from the origin of the issuer.
async fn answer(app: &TestApp, window: &Window, message: Value) -> String {
    let script = "const [message, origin, done] = arguments; told.length = 0; ask(message, origin); const begin = performance.now(); \
                  const look = () => told.length || performance.now() - begin > 5000 ? done(told) : setTimeout(look, 10); look()";
    let told = window.client.execute_async(script, vec![message, json!(app.url)]).await.unwrap();
    assert_eq!((told.as_array().map(Vec::len), told[0][1].as_str()), (Some(1), Some(app.url.as_str())), "{told}");
    told[0][0].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_page_of_a_client_sees_the_sign_out_in_another_tab() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    let (shop, other) = (Pages::open("127.0.0.1").await, Pages::open("localhost").await);
    shop.register(&app, "shop-web", true, None).await;
    other.register(&app, "other", false, None).await;
    let window = Window::open().await;
    shop.enter(&app, &window, "shop-web").await;
    sign_in(&window, PASSWORD).await;
    let state = shop.told(&window, "session_state").await;
    let message = json!(format!("shop-web {state}"));
    shop.watch(&app, &window).await;
    assert_eq!(answer(&app, &window, message.clone()).await, "unchanged");
    assert_eq!(answer(&app, &window, json!(format!("other {state}"))).await, "changed", "it is the state of another client");
    let [hash, salt] = state.split('.').collect::<Vec<_>>()[..] else { panic!("{state}") };
    let malformed = [
        json!(""),
        json!("shop-web"),
        json!(state),
        json!(format!("shop-web {hash}")),
        json!(format!("shop-web {hash}.")),
        json!(format!("shop-web  {state}")),
        json!(format!("shop-web {state} ")),
        json!(format!("shop-web {}.{salt}", &hash[1..])),
        json!(null),
        json!(7),
        json!({ "client_id": "shop-web", "session_state": state }),
    ];
    for wrong in malformed {
        assert_eq!(answer(&app, &window, wrong.clone()).await, "error", "{wrong}");
    }

    let page = window.new_tab().await;
    window.goto(&format!("{}/account", app.url)).await;
    window.activate("header form button").await;
    assert_eq!(window.heading().await, "You are signed out");
    let account = window.client.window().await.unwrap();
    window.show(page.clone()).await;
    assert_eq!(answer(&app, &window, message.clone()).await, "changed");
    // Another person signs in, and the page gets a state of that session.
    window.show(account).await;
    shop.enter(&app, &window, "shop-web").await;
    sign_in_as(&window, "bob", PASSWORD).await;
    let bobs = shop.told(&window, "session_state").await;
    window.show(page).await;
    assert_eq!(answer(&app, &window, message.clone()).await, "changed");
    assert_eq!(answer(&app, &window, json!(format!("shop-web {bobs}"))).await, "unchanged");

    // A page of a client that did not ask for it cannot show the frame.
    window.goto(&format!("{}/watch?op={}/check_session", other.url, app.url)).await;
    window.wait("document.documentElement.dataset.ready === 'yes'").await;
    let script = "const [message, done] = arguments; ask(message, '*'); setTimeout(() => done(told), 1500)";
    assert_eq!(window.client.execute_async(script, vec![message]).await.unwrap(), json!([]), "the browser shows an error in its place");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_browser_that_keeps_cookies_back_from_other_sites_is_not_taken_for_a_sign_out() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    // The names `localhost` and `127.0.0.1` are two sites.
    let shop = Pages::open("localhost").await;
    shop.register(&app, "shop-web", true, None).await;
    let window = Window::open_with(json!({ "profile.block_third_party_cookies": true, "profile.cookie_controls_mode": 1 })).await;
    shop.enter(&app, &window, "shop-web").await;
    sign_in(&window, PASSWORD).await;
    let state = shop.told(&window, "session_state").await;
    shop.watch(&app, &window).await;
    assert_eq!(answer(&app, &window, json!(format!("shop-web {state}"))).await, "error");
}

/// Signs alice in to `clients` in one session, and returns its `sid`.
async fn sign_in_to(app: &TestApp, window: &Window, clients: [(&Pages, &str); 2]) -> String {
    let mut sid = String::new();
    for (pages, id) in clients {
        pages.enter(app, window, id).await;
        if sid.is_empty() {
            sign_in(window, PASSWORD).await;
        }
        let code = pages.told(window, "code").await;
        let callback = pages.callback();
        let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &callback), ("code_verifier", VERIFIER)];
        let tokens = app.post("/token").basic_auth(id, SECRET).form(&form).send().await;
        claims(tokens.str("id_token"))["sid"].as_str().unwrap().clone_into(&mut sid);
    }
    sid
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_page_of_a_client_that_never_answers_keeps_nobody_after_the_sign_out() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let (shop, mail) = (Pages::open("127.0.0.1").await, Pages::open("localhost").await);
    shop.register(&app, "shop-web", false, None).await;
    mail.register(&app, "mail", false, Some(format!("{}/never", mail.url))).await;
    let window = Window::open().await;
    sign_in_to(&app, &window, [(&shop, "shop-web"), (&mail, "mail")]).await;
    window.goto(&format!("{}/end_session?client_id=shop-web&post_logout_redirect_uri={}/bye", app.url, shop.url)).await;
    window.activate("button[value=sign-out]").await;
    window.wait("location.pathname === '/bye'").await;
    assert_eq!(mail.asked("/never").len(), 1, "the page was asked for");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn the_sign_out_page_loads_the_frames_of_all_clients_of_the_session() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let (shop, mail) = (Pages::open("127.0.0.1").await, Pages::open("localhost").await);
    shop.register(&app, "shop-web", false, Some(format!("{}/out?tenant=a", shop.url))).await;
    mail.register(&app, "mail", false, Some(format!("{}/out", mail.url))).await;
    let window = Window::open().await;
    let sid = sign_in_to(&app, &window, [(&shop, "shop-web"), (&mail, "mail")]).await;
    window.goto(&format!("{}/account", app.url)).await;
    window.activate("header form button").await;
    assert_eq!(window.heading().await, "You are signed out");
    window.inspect("signed-out-frames").await;
    for (pages, beginning) in [(&shop, "/out?tenant=a&iss="), (&mail, "/out?iss=")] {
        for _ in 0..200 {
            if !pages.asked("/out").is_empty() {
                break;
            }
            real_time(25).await;
        }
        let asked = pages.asked("/out");
        assert!(!asked.is_empty() && asked.iter().all(|uri| uri.starts_with(beginning)), "{asked:?}");
        let url = url::Url::parse(&format!("{}{}", pages.url, asked[0])).unwrap();
        let parameter = |name: &str| url.query_pairs().find(|(other, _)| other == name).unwrap().1.into_owned();
        assert_eq!((parameter("iss"), parameter("sid")), (app.app.settings.issuer.as_str().to_owned(), sid.clone()));
    }
}
