//! A logo is a raster image, which the issuer fetches once and serves itself.

use serde_json::json;
use signet_issuer::admin::clients;

use crate::fetch::{PNG, app, register};
use crate::support::Site;

#[tokio::test(flavor = "multi_thread")]
async fn logos_are_raster_images_and_served_by_the_issuer() {
    let (app, site) = (app(true).await, Site::open().await);
    let logo = site.put("/logo.png", 200, PNG);
    let made = register(&app, json!({ "logo_uri": logo })).await;
    let shown = app.get(&format!("/clients/{}/logo", made.str("client_id"))).send().await;
    assert_eq!((shown.status, shown.header("content-type"), shown.header("x-content-type-options")), (200, "image/png", "nosniff"));
    let request = [("client_id", made.str("client_id")), ("redirect_uri", "https://new.example/cb"), ("scope", "openid")];
    let page = app.browser().get(&app.authorize(&request)).await;
    assert!(page.text.contains(&format!("/clients/{}/logo", made.str("client_id"))) && !page.text.contains(&site.url), "{}", page.text);
    assert_eq!(site.asked("/logo.png"), 1, "once, when it registered");
    assert_eq!(made.json["logo_uri"], logo);

    let mut huge = PNG.to_vec();
    huge[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    for (path, status, body) in [
        ("/logo.svg", 200, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec()),
        ("/page.png", 200, b"<html><script>alert(1)</script>".to_vec()),
        ("/moved.png", 302, PNG.to_vec()),
        ("/gone.png", 404, PNG.to_vec()),
        ("/long.png", 200, [PNG, &vec![0; 70_000]].concat()),
        ("/huge.png", 200, huge),
        ("/empty.png", 200, Vec::new()),
    ] {
        let made = register(&app, json!({ "logo_uri": site.put(path, status, body) })).await;
        assert_eq!(made.status, 201, "{path}: a client without a logo");
        let read = app.get(&format!("/register/{}", made.str("client_id"))).bearer(made.str("registration_access_token")).send().await;
        let stored = clients::show(&app.reading(), made.str("client_id")).await.unwrap().metadata.logo_uri;
        assert_eq!((made.json.get("logo_uri"), read.json.get("logo_uri"), stored), (None, None, None), "{path}");
        assert_eq!(site.asked(path), 1, "{path}");
        assert_eq!(app.get(&format!("/clients/{}/logo", made.str("client_id"))).send().await.status, 404, "{path}");
    }
    assert_eq!(app.get("/clients/nobody/logo").send().await.status, 404);
}
