//! Names that would have no page are refused, whoever gives them and by whatever way.

use serde_json::json;
use signet_issuer::admin::transfer::ImportOptions;

use crate::admin::transfer::check;
use crate::support::{PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn names_that_would_have_no_page_are_refused_on_pages_and_over_rest() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    let token = app.token_of("boss", "admin").await;
    let more = [("client_name", "X"), ("access", "everyone"), ("grant_types.authorization_code", "true"), ("type", "string")];
    for (noun, field) in [("groups", "name"), ("roles", "name"), ("attributes", "name"), ("clients", "client_id"), ("users", "username")] {
        for name in ["new", ".", ".."] {
            let path = format!("/admin/{noun}/new");
            let form = browser.get(&if noun == "clients" { format!("{path}?preset=none") } else { path.clone() }).await;
            let fields = [&[(field, name), ("redirect_uris", "https://a.example/")][..], &more].concat();
            let refused = browser.submit(&form, &path, &fields).await;
            assert!(refused.status == 400 && refused.text.contains("field-error"), "{noun} {name}: {}", refused.text);

            let body = match noun {
                "attributes" => json!({ "name": name, "type": "string" }),
                "clients" => json!({ "client_id": name, "client_name": "X", "access": "everyone", "grant_types": ["client_credentials"] }),
                "users" => json!({ "username": name, "password": PASSWORD }),
                _ => json!({ "name": name }),
            };
            let refused = app.call("POST", &format!("/{noun}"), &token, None, Some(body)).await;
            assert_eq!(refused.status, 422, "{noun} {name}: {}", refused.text);
            assert!(refused.text.contains(&format!("#/{field}")) && refused.text.contains("new"), "{noun} {name}: {}", refused.text);
        }
    }
    // An import refuses it, and so does whoever renames a user.
    let (_, refused) = check(&app, ImportOptions::default(), &[json!({ "username": "NEW" }), json!({ "username": "newer" })]).await;
    assert_eq!((refused.len(), refused[0].line), (1, 1), "{}", refused[0]);
    let path = "/admin/users/boss/edit";
    let refused = browser.send_filled(&browser.get(path).await, path, &[("username", "New")]).await;
    assert!(refused.status == 400 && refused.text.contains("not the word new"), "{}", refused.text);
}
