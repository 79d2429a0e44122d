//! A sector document must name all redirect URIs, and no client can make the issuer fetch from this machine or its network.

mod budget;
mod client_keys;
mod logo;

use serde_json::{Value, json};

use crate::support::{Answer, Site, TestApp};

/// The smallest PNG.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

async fn register(app: &TestApp, more: Value) -> Answer {
    let mut metadata = json!({ "redirect_uris": ["https://new.example/cb"], "client_name": "New App" });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await
}

async fn app(private: bool) -> TestApp {
    TestApp::with(|settings| {
        settings.open_registration = true;
        settings.fetch_private_addresses = private;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sector_document_must_name_all_redirect_uris() {
    let (app, site) = (app(true).await, Site::open().await);
    let good = site.put("/sector", 200, r#"["https://new.example/cb", "https://new.example/other"]"#);
    assert_eq!(register(&app, json!({ "sector_identifier_uri": good })).await.status, 201);
    for (path, body) in [("/other", r#"["https://other.example/cb"]"#), ("/empty", "[]"), ("/none", "{}"), ("/junk", "<html>")] {
        let answer = register(&app, json!({ "sector_identifier_uri": site.put(path, 200, body) })).await;
        assert_eq!(answer.error(), (400, "invalid_client_metadata"), "{path}");
    }
    let missing = register(&app, json!({ "sector_identifier_uri": format!("{}/missing", site.url) })).await;
    assert_eq!(missing.error(), (400, "invalid_client_metadata"));
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_of_this_machine_and_its_network_are_not_fetched() {
    let (app, site) = (app(false).await, Site::open().await);
    let port = site.url.rsplit(':').next().unwrap().to_owned();
    site.put("/logo.png", 200, PNG);
    for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        for scheme in ["http", "https"] {
            let made = register(&app, json!({ "logo_uri": format!("{scheme}://{host}:{port}/logo.png") })).await;
            assert_eq!((made.status, made.json.get("logo_uri")), (201, None), "{host}: the answer states what was registered");
            let sector = register(&app, json!({ "sector_identifier_uri": format!("https://{host}:{port}/logo.png") })).await;
            assert_eq!(sector.error(), (400, "invalid_client_metadata"));
        }
    }
    assert_eq!(site.asked("/logo.png"), 0);
}
