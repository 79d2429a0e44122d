//! The line that a page of the administration shows for a shell gives each name back as one word, and runs nothing else.

use std::process::Command;

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::resources::{self, NewResource, ResourceDraft};

use crate::support::{Browser, PASSWORD, TestApp};

/// Returns the words that a shell makes of the line on the page `path`.
async fn words(browser: &Browser, path: &str) -> Vec<String> {
    let page = browser.get(path).await;
    let line = page.text.split("From a shell: <code>").nth(1).unwrap_or_else(|| panic!("{path}: {}", page.text));
    let line = line.split("</code>").next().unwrap();
    let line = line.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
    let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Returns `name` as it stands in a path.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_gives_the_names_of_its_lines_back() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    for name in ["a b;$(id)'\"&`x`", "plain", "it's", "~root", "*", "#1", "Büro", "a\\b!c"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
        let path = format!("/admin/groups/{}", encoded(name));
        assert_eq!(words(&browser, &path).await, ["signet", "group", "show", name]);
        assert_eq!(words(&browser, &format!("{path}/edit")).await, ["signet", "group", "edit", name]);
        assert_eq!(words(&browser, &format!("{path}/members")).await, ["signet", "group", "members", name, "--add", "USERNAME"]);
    }
    let resource = "https://x.example/$(id)";
    let draft = ResourceDraft { identifier: resource.to_owned(), name: "X".to_owned(), ..ResourceDraft::default() };
    app.operate(|change| Box::pin(resources::add(change, NewResource::check(draft).unwrap()))).await.unwrap();
    assert_eq!(words(&browser, &format!("/admin/resources/{}", encoded(resource))).await, ["signet", "resource", "show", resource]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_begins_with_a_hyphen_is_no_option() {
    let app = TestApp::administered().await;
    let browser = app.signed_in("boss").await;
    let draft = GroupDraft { name: "--dry run".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let path = format!("/admin/groups/{}", encoded("--dry run"));
    assert_eq!(words(&browser, &path).await, ["signet", "group", "show", "--", "--dry run"]);
    let members = words(&browser, &format!("{path}/members")).await;
    assert_eq!(members, ["signet", "group", "members", "--add", "USERNAME", "--", "--dry run"]);

    let form = browser.get("/admin/clients/new?preset=none").await;
    let fields = [("client_id", "-x"), ("client_name", "X"), ("access", "everyone"), ("grant_types.authorization_code", "true")];
    let fields = [&fields[..], &[("redirect_uris", "https://a.example/")]].concat();
    let asked = browser.send_filled(&form, "/admin/clients/new", &fields).await;
    browser.submit(&asked, "/admin/clients/new", &[("confirm_password", PASSWORD)]).await;
    assert_eq!(words(&browser, "/admin/clients/-x").await, ["signet", "client", "show", "--", "-x"]);
    let claim = words(&browser, "/admin/clients/-x/claim").await;
    assert_eq!(claim, ["signet", "client", "claim", "set", "--from", "groups", "--", "-x", "CLAIM"]);
}
