//! A window of headless Chromium, driven by keys as a person without a mouse drives it.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use fantoccini::key::Key;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The widths that every page must fit, in pixels.
const WIDTHS: [u32; 3] = [360, 800, 1280];

pub struct Window {
    pub client: Client,
    _driver: Driver,
    _profile: TempDir,
}

/// A chromedriver with the Chromium that it starts. They form one group of processes, which ends when the window is dropped.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// A command of Chromium's own protocol.
#[derive(Debug)]
struct DevTools(&'static str, Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

impl Window {
    pub async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    /// Opens a Chromium in which the person has changed the settings `preferences`.
    pub async fn open_with(preferences: Value) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let profile = TempDir::new().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = Driver(command.process_group(0).spawn().unwrap());
        let directory = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &directory,
        ];
        let capabilities = json!({ "goog:chromeOptions": { "args": arguments, "prefs": preferences } });
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let address = format!("http://127.0.0.1:{port}");
        for _ in 0..1200 {
            if let Ok(client) = builder.connect(&address).await {
                return Self { client, _driver: driver, _profile: profile };
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("chromedriver did not start");
    }

    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Opens a new tab and goes to it. Returns the tab that was shown before.
    pub async fn new_tab(&self) -> WindowHandle {
        let before = self.client.window().await.unwrap();
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.show(tab).await;
        before
    }

    pub async fn show(&self, tab: WindowHandle) {
        self.client.switch_to_window(tab).await.unwrap();
    }

    /// Opens one tab for each of `urls`, all at the same moment. Returns the tabs.
    pub async fn open_at_once(&self, urls: &[String]) -> Vec<WindowHandle> {
        let before = self.client.windows().await.unwrap();
        self.client.execute("window.tabs = arguments[0].map(url => window.open(url))", vec![json!(urls)]).await.unwrap();
        let tabs: Vec<_> = self.client.windows().await.unwrap().into_iter().filter(|tab| !before.contains(tab)).collect();
        assert_eq!(tabs.len(), urls.len());
        tabs
    }

    /// Reloads `tabs`, which show pages of one origin, all at the same moment.
    pub async fn reload_at_once(&self, tabs: &[WindowHandle]) {
        let script = "document.documentElement.dataset.old = 'yes';\
                      new BroadcastChannel('reload').onmessage = () => location.reload()";
        for tab in tabs {
            self.show(tab.clone()).await;
            self.wait("document.readyState === 'complete'").await;
            self.client.execute(script, vec![]).await.unwrap();
        }
        // A second channel of this tab reaches the first one, too.
        self.client.execute("new BroadcastChannel('reload').postMessage('now')", vec![]).await.unwrap();
    }

    /// Removes all cookies, as a browser does that is closed.
    pub async fn forget_cookies(&self) {
        self.client.issue_cmd(DevTools("Network.clearBrowserCookies", json!({}))).await.unwrap();
    }

    /// Goes back by one page, as the button of the browser does.
    pub async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Moves the focus with Tab until it is on the element that `css` names.
    pub async fn tab_to(&self, css: &str) {
        for _ in 0..80 {
            let script = "return document.activeElement.matches(arguments[0])";
            if self.client.execute(script, vec![json!(css)]).await.unwrap() == json!(true) {
                return;
            }
            self.press(&Key::Tab.to_string()).await;
        }
        panic!("no Tab leads to {css} on {}", self.client.current_url().await.unwrap());
    }

    /// Replaces the text of the field that `css` names.
    pub async fn fill(&self, css: &str, text: &str) {
        self.tab_to(css).await;
        self.press(&format!("{}a{}", Key::Control, Key::Null)).await;
        self.press(text).await;
    }

    /// Presses the button or link that `css` names, and waits until the page has gone.
    pub async fn activate(&self, css: &str) {
        self.tab_to(css).await;
        let script = "document.documentElement.dataset.old = 'yes'";
        self.client.execute(script, vec![]).await.unwrap();
        // The page may be gone before the driver has its answer, so an error is ignored; the next step fails if the page is wrong.
        let _ = self.client.active_element().await.unwrap().send_keys(&Key::Enter.to_string()).await;
        self.wait("document.readyState === 'complete' && !document.documentElement.dataset.old").await;
    }

    /// Waits until `condition` holds in the page.
    pub async fn wait(&self, condition: &str) {
        for _ in 0..1200 {
            // While a page is being replaced, the driver answers with an error. Ask again then.
            if self.client.execute(&format!("return {condition}"), vec![]).await.is_ok_and(|holds| holds == json!(true)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{condition} never held on {}", self.client.source().await.unwrap());
    }

    pub async fn heading(&self) -> String {
        self.client.execute("return document.querySelector('h1').innerText", vec![]).await.unwrap().as_str().unwrap().to_owned()
    }

    /// Checks the page at every width, in light and in dark: nothing sticks out, and axe-core finds no violation. Keeps
    /// screenshots in the folder that `SCREENSHOTS` names.
    pub async fn inspect(&self, name: &str) {
        let axe = std::fs::read_to_string(std::env::var("AXE").expect("AXE names the file axe.min.js")).unwrap();
        for scheme in ["light", "dark"] {
            // Switch off motion, so that axe-core judges no colour in the middle of a transition.
            let features =
                json!([{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" }]);
            let media = json!({ "features": features });
            self.client.issue_cmd(DevTools("Emulation.setEmulatedMedia", media)).await.unwrap();
            for width in WIDTHS {
                let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
                self.client.issue_cmd(DevTools("Emulation.setDeviceMetricsOverride", metrics)).await.unwrap();
                let fits = self.client.execute("return document.documentElement.scrollWidth <= innerWidth", vec![]).await.unwrap();
                assert_eq!(fits, json!(true), "{name} at {width}: it scrolls sideways");
                self.client.execute(&axe, vec![]).await.unwrap();
                let run = "const done = arguments[0]; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })\
                           .then(found => done(found.violations.map(one => [one.id, one.nodes.map(node => node.html)])))";
                let violations = self.client.execute_async(run, vec![]).await.unwrap();
                assert_eq!(violations, json!([]), "{name} at {width}, {scheme}");
                if let Ok(folder) = std::env::var("SCREENSHOTS") {
                    let params = json!({ "captureBeyondViewport": true, "format": "png" });
                    let shot = self.client.issue_cmd(DevTools("Page.captureScreenshot", params)).await.unwrap();
                    let png = BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
                    std::fs::write(PathBuf::from(folder).join(format!("{name}-{scheme}-{width}.png")), png).unwrap();
                }
            }
        }
        self.client.issue_cmd(DevTools("Emulation.clearDeviceMetricsOverride", json!({}))).await.unwrap();
    }
}
