//! The page of a client says in sentences what the client is told of people, and lets an administrator allow and stop groups, roles and
//! attributes.

use serde_json::json;
use signet_issuer::admin::clients;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::roles::{self, NewRole};

use crate::support::{Answer, CALLBACK, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_a_client_is_told() {
    let app = TestApp::administered().await.with_web().await;
    let browser = app.signed_in("boss").await;
    let says = async |sentence: &str| {
        let page = browser.get("/admin/clients/web").await;
        assert!(page.text.contains(sentence), "{sentence}: {}", page.text);
    };
    says("ID tokens do not carry the scopes&#39; claims. UserInfo does.").await;
    says("It is told of no group, because it has no groups of its own.").await;
    says("It may be told of them.").await;
    let draft = GroupDraft { name: "on-call".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let own = Patch::Set(vec!["on-call".to_owned()]);
    app.edit_client("web", ClientPatch { id_token_claims: Patch::Set(true), groups: own, ..ClientPatch::default() }).await.unwrap();
    says("ID tokens carry the scopes&#39; claims. So does UserInfo.").await;
    says("It is told of those of its own groups that the user is in.").await;
    let prefix = ClientPatch {
        group_filter: Patch::Set("prefix".to_owned()),
        group_prefix: Patch::Set("<app>-".to_owned()),
        ..ClientPatch::default()
    };
    app.edit_client("web", prefix).await.unwrap();
    says("whose names begin with &#60;app&#62;-.").await;
    app.edit_client("web", ClientPatch { group_filter: Patch::Set("all".to_owned()), ..ClientPatch::default() }).await.unwrap();
    says("It is told of all groups that the user is in.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_lets_a_client_that_registered_itself_be_told_of_groups_and_stops_it() {
    let app = TestApp::with(|settings| settings.open_registration = true).await.with_orders().await;
    app.add_user("boss", &["admin"]).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "client_name": "Reg", "scope": "openid groups" });
    let made = Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await;
    let id = made.str("client_id").to_owned();
    let path = format!("/admin/clients/{}", id.replace('-', "%2D").replace('_', "%5F"));
    let browser = app.signed_in("boss").await;
    let allowed = async || clients::show(&app.reading(), &id).await.unwrap().claims_allowed;

    let page = browser.get(&path).await;
    assert!(page.text.contains("because it registered itself and no administrator has let it be told"), "{}", page.text);
    assert!(
        page.text.contains("Let it be told of groups, roles and attributes") && !page.text.contains("Stop telling it"),
        "{}",
        page.text
    );
    let asked = browser.submit(&page, &path, &[("action", "allow-claims")]).await;
    assert_eq!(asked.heading(), "Let Reg be told of groups, roles and attributes?");
    assert!(asked.text.contains("People who have consented to less are asked again."), "{}", asked.text);
    assert!(!allowed().await, "the password comes first");
    let wrong = browser.submit(&asked, &path, &[("confirm_password", "wrong")]).await;
    assert!(wrong.status == 400 && !allowed().await, "{}", wrong.text);
    let done = browser.submit(&asked, &path, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("an administrator has let it be told of them") && allowed().await, "{}", done.text);

    // Stopping needs no password, but asks.
    let asked = browser.submit(&done, &path, &[("action", "stop-claims")]).await;
    assert!(allowed().await && asked.text.contains("no longer tell it of the groups, roles and attributes"), "{}", asked.text);
    // Somebody else changes the client meanwhile, so the page asks once more.
    let filter = ClientPatch { group_filter: Patch::Set("all".to_owned()), ..ClientPatch::default() };
    app.edit_client(&id, filter).await.unwrap();
    let again = browser.submit(&asked, &path, &[]).await;
    assert!(again.text.contains("somebody else changed it meanwhile") && allowed().await, "{}", again.text);
    let done = browser.submit(&again, &path, &[]).await;
    assert!(!allowed().await && done.text.contains("Let it be told of groups"), "{}", done.text);

    // The form of the other settings leaves it as it is.
    let form = browser.get(&format!("{path}/edit")).await;
    assert!(!form.text.contains("claims_allowed"), "{}", form.text);
    let edited = browser.send_filled(&form, &format!("{path}/edit"), &[("client_name", "Registered")]).await;
    assert!(edited.text.contains("Saved.") && !allowed().await, "{}", edited.text);
    // Somebody who only reads is shown no button.
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("reader", &["admin:read".to_owned()]).unwrap()))).await.unwrap();
    app.add_user("reader", &["reader"]).await;
    let reader = app.signed_in("reader").await;
    let page = reader.get(&path).await;
    assert!(page.text.contains("no administrator has let it be told") && !page.text.contains("Let it be told of groups"), "{}", page.text);
    let (_, csrf) = page.hidden("/account/sign-out").into_iter().find(|(name, _)| name == "csrf").unwrap();
    let refused = reader.post(&path, &[("csrf", &csrf), ("action", "allow-claims")]).await;
    assert!(refused.status == 403 && !allowed().await, "{}", refused.text);
}
