//! The pages that add and change clients.

use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::roles::{self, NewRole};
use signet_issuer::admin::{clients, users};

use crate::support::{Answer, Browser, PASSWORD, TestApp};

/// Returns what a browser would send for the form of `page` whose action ends with `action`, the hidden fields included.
pub fn values(page: &Answer, action: &str) -> Vec<(String, String)> {
    let mut all = page.hidden(action);
    let marker = format!("{action}\"");
    let form = page.text.split("<form").find(|form| form.split('>').next().is_some_and(|tag| tag.contains(&marker))).unwrap();
    let form = form.split("</form").next().unwrap();
    let plain =
        |text: &str| text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
    let attribute = |tag: &str, name: &str| tag.split(&format!("{name}=\"")).nth(1).map(|rest| plain(rest.split('"').next().unwrap()));
    for tag in form.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let is_sent = tag.contains("type=\"text\"") || tag.contains("type=\"checkbox\"") && tag.contains(" checked");
        if is_sent {
            all.push((attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap()));
        }
    }
    for rest in form.split("<textarea ").skip(1) {
        let (tag, rest) = rest.split_once(">\n").unwrap();
        all.push((attribute(tag, "name").unwrap(), plain(rest.split("</textarea>").next().unwrap())));
    }
    for rest in form.split("<select ").skip(1) {
        let options = rest.split("</select>").next().unwrap();
        let chosen = options.split("<option ").skip(1).find(|option| option.contains(" selected")).or(options.split("<option ").nth(1));
        all.push((attribute(rest, "name").unwrap(), attribute(chosen.unwrap(), "value").unwrap()));
    }
    all
}

impl Browser {
    /// Sends the form of `page` as it is shown, but with `fields`.
    pub async fn send_filled(&self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = values(page, action);
        let mut all: Vec<(&str, &str)> = shown.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields.iter().filter(|(_, value)| *value != "unchecked"));
        self.post(action, &all).await
    }
}

async fn boss() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    for name in ["platform", "on-call"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    let browser = app.signed_in("boss").await;
    (app, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_with_each_uri() {
    let (app, browser) = boss().await;
    let form = browser.get("/admin/clients/new?preset=none").await;
    let shop = "https://new.example/callback\nftp://new.example\nhttps://new.example/#part";
    let typed = [
        ("client_id", "fresh"),
        ("client_name", "The <new> shop"),
        ("redirect_uris", shop),
        ("grant_types.authorization_code", "true"),
        ("scope", "openid nonsense"),
    ];
    let refused = browser.send_filled(&form, "/admin/clients/new", &typed).await;
    assert_eq!(refused.status, 400);
    for part in ["found ftp://new.example", "found https://new.example/#part", "Expected everyone, or groups", "The &#60;new&#62; shop"] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    let kept = values(&refused, "/admin/clients/new");
    assert!(kept.contains(&("redirect_uris".to_owned(), shop.to_owned())), "{kept:?}");
    assert!(kept.contains(&("grant_types.authorization_code".to_owned(), "true".to_owned())), "{kept:?}");
    assert!(kept.contains(&("access".to_owned(), String::new())), "nobody chose who may sign in: {kept:?}");
    assert!(clients::show(&app.reading(), "fresh").await.is_err());
    let mended =
        [("redirect_uris", "https://new.example/callback"), ("access", "groups"), ("groups", "platform\r\non-call"), ("scope", "openid")];
    let asked = browser.send_filled(&refused, "/admin/clients/new", &mended).await;
    assert!(asked.text.contains("people are sent to https://new.example/callback"), "{}", asked.text);
    assert!(clients::show(&app.reading(), "fresh").await.is_err(), "the password comes first");
    let added = browser.submit(&asked, "/admin/clients/new", &[("confirm_password", PASSWORD)]).await;
    assert!(added.text.contains("It is not shown again"), "{}", added.text);
    assert_eq!(added.header("cache-control"), "no-store");
    let client = clients::show(&app.reading(), "fresh").await.unwrap();
    assert_eq!((client.groups.len(), client.client_name.as_str(), client.secrets.len()), (2, "The <new> shop", 1));
    let again = browser
        .send_filled(
            &form,
            "/admin/clients/new",
            &[("client_id", "web"), ("client_name", "x"), ("scope", "openid"), ("access", "everyone")],
        )
        .await;
    assert!(again.status == 400 && again.text.contains("there is a client web already"), "{}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_has_parts_and_takes_a_jwk_set() {
    let (app, browser) = boss().await;
    let edit = "/admin/clients/web/edit";
    let form = browser.get(edit).await;
    assert_eq!((form.text.matches("<fieldset>").count(), form.text.matches("</fieldset>").count()), (6, 6), "{}", form.text);
    let typed = [("jwks", "{ no JSON"), ("client_name", "Shop 2")];
    let refused = browser.send_filled(&form, edit, &typed).await;
    assert!(refused.status == 400 && refused.text.contains("{ no JSON</textarea>"), "{}", refused.text);
    let part = form.text.split("<legend>Signing out</legend>").nth(1).unwrap().split("</fieldset>").next().unwrap();
    for field in ["post_logout_redirect_uris", "backchannel_logout_uri", "frontchannel_logout_uri", "frontchannel_logout_session_required"]
    {
        assert!(part.contains(&format!("name=\"{field}\"")), "{field}: {part}");
    }
    let key = r#"{"keys":[{"kty":"RSA","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw","e":"AQAB"}]}"#;
    let asked = browser.send_filled(&form, edit, &[("jwks", key)]).await;
    assert!(asked.text.contains("prove in another way who it is"), "{}", asked.text);
    let saved = browser.submit(&asked, edit, &[("confirm_password", PASSWORD)]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    let client = clients::show(&app.reading(), "web").await.unwrap();
    assert_eq!(client.metadata.jwks.unwrap()["keys"][0]["e"], "AQAB");
    let form = browser.get(edit).await;
    browser.send_filled(&form, edit, &[("client_name", "Shop 3")]).await;
    assert!(clients::show(&app.reading(), "web").await.unwrap().metadata.jwks.is_some(), "a form that does not touch the keys keeps them");
}

#[tokio::test(flavor = "multi_thread")]
async fn dangerous_changes_need_the_password_and_others_do_not() {
    let (app, browser) = boss().await;
    let edit = "/admin/clients/web/edit";
    let form = browser.get(edit).await;
    let same = browser.send_filled(&form, edit, &[]).await;
    assert!(same.text.contains("Saved."), "{}", same.text);
    assert_eq!(clients::show(&app.reading(), "web").await.unwrap().version, 0, "a form that changes nothing changes nothing");
    let changed = browser
        .send_filled(
            &form,
            edit,
            &[("client_name", "Shop 2"), ("access", "groups"), ("groups", "platform\r\non-call"), ("client_uri", "https://shop.example/")],
        )
        .await;
    assert!(changed.text.contains("From now on only members of the groups may sign in."), "{}", changed.text);
    let changed = browser.submit(&changed, edit, &[]).await;
    assert!(
        changed.text.contains("Members of 2 groups may sign in:") && changed.text.contains("/admin/groups/platform"),
        "{}",
        changed.text
    );
    let stale = browser.send_filled(&form, edit, &[("client_name", "Shop 3")]).await;
    assert!(
        stale.status == 400 && stale.text.contains("somebody else changed it meanwhile") && stale.text.contains("Shop 3"),
        "{}",
        stale.text
    );
    let form = browser.get(edit).await;
    let uris = [("redirect_uris", "https://shop.example/callback\r\nhttps://evil.example/")];
    let asked = browser.send_filled(&form, edit, &uris).await;
    assert_eq!(asked.heading(), "Change Shop 2?");
    assert!(asked.text.contains("After a sign-in people are also sent to https://evil.example/, with what"), "{}", asked.text);
    let wrong = browser.submit(&asked, edit, &[("confirm_password", "not the password")]).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(clients::show(&app.reading(), "web").await.unwrap().redirect_uris.len(), 1);
    let done = browser.submit(&wrong, edit, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Saved.") && done.text.contains("https://evil.example/"), "{}", done.text);
    // The next change asks again: the password counts for what was confirmed alone.
    let form = browser.get(edit).await;
    let asked = browser.send_filled(&form, edit, &[("redirect_uris", "https://shop.example/callback")]).await;
    assert_eq!(asked.heading(), "Change Shop 2?");
    assert!(asked.text.contains("They are no longer sent to https://evil.example/."), "{}", asked.text);
    let faulty = browser
        .send_filled(&form, edit, &[("redirect_uris", "https://a.example/#x\nhttps://b.example/#y"), ("group_filter", "prefix")])
        .await;
    assert!(faulty.status == 400 && faulty.text.contains("a.example/#x") && faulty.text.contains("b.example/#y"), "{}", faulty.text);
    let asked = browser.send_filled(&form, edit, &[("public", "true")]).await;
    let public = browser.submit(&asked, edit, &[("confirm_password", PASSWORD)]).await;
    assert!(public.text.contains("public, without a secret"), "{}", public.text);
    let form = browser.get(edit).await;
    let asked = browser.send_filled(&form, edit, &[("public", "unchecked")]).await;
    let confidential = browser.submit(&asked, edit, &[("confirm_password", PASSWORD)]).await;
    assert!(confidential.text.contains("It is not shown again"), "{}", confidential.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_shown_once_and_the_page_tells_ages_and_refusals() {
    let (app, browser) = boss().await;
    let form = browser.get("/admin/clients/web/secret").await;
    let asked = browser.send_filled(&form, "/admin/clients/web/secret", &[("old", "day")]).await;
    assert!(asked.text.contains("in 24 hours"), "{}", asked.text);
    let shown = browser.submit(&asked, "/admin/clients/web/secret", &[("confirm_password", PASSWORD)]).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
    let secret = shown.text.split("<pre tabindex=\"0\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let works = async |secret: &str| app.post("/introspect").basic_auth("web", secret).form(&[("token", "x")]).send().await.status == 200;
    assert!(works(&secret).await && works(crate::support::SECRET).await);
    app.get(&app.authorize(&[("redirect_uri", "https://wrong.example/cb")])).send().await;
    app.app.refusals.flush(&app.app.store).await.unwrap();
    let page = browser.get("/admin/clients/web").await;
    assert!(page.text.contains("https://wrong.example/cb") && page.text.contains("0 days old, ends"), "{}", page.text);
    assert!(!page.text.contains(&secret));
    let asked = browser.submit(&page, "/admin/clients/web", &[("action", "end-old-secret")]).await;
    browser.submit(&asked, "/admin/clients/web", &[("confirm_password", PASSWORD)]).await;
    assert!(works(&secret).await && !works(crate::support::SECRET).await);
    app.code_flow_with(&secret).await;
    let page = browser.get("/admin/clients/web").await;
    let asked = browser.submit(&page, "/admin/clients/web", &[("action", "remove")]).await;
    assert!(asked.text.contains("1 authorization that people gave it, 1 secret, the consents of people"), "{}", asked.text);
    browser.submit(&asked, "/admin/clients/web", &[("confirm_password", PASSWORD)]).await;
    assert!(clients::show(&app.reading(), "web").await.is_err());
}

impl TestApp {
    /// Runs the code flow of `web` for alice with this secret.
    async fn code_flow_with(&self, secret: &str) {
        let code = self.browser().code(&self.authorize(&[])).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", crate::support::CALLBACK),
            ("code_verifier", crate::support::VERIFIER),
        ];
        assert_eq!(self.post("/token").basic_auth("web", secret).form(&form).send().await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_whose_tokens_a_change_refuses() {
    let (app, browser) = boss().await;
    let given = app.code_flow(&app.browser(), &[("scope", "openid orders:read")]).await;
    let live = async || app.introspect("web", given.str("access_token")).await.json["active"] == true;
    let told = "The access tokens of one authorization are refused at once.";
    // Alice is a clerk, and a reader who holds one of the same scopes.
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("reader", &["orders:read".to_owned()]).unwrap()))).await.unwrap();
    let (alice, reader) = (users::show(&app.reading(), "alice").await.unwrap().id, ["reader".to_owned()]);
    app.operate(|change| Box::pin(users::change_roles(change, alice, &reader, &[]))).await.unwrap();
    let path = "/admin/users/alice/roles";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("roles", "clerk")]).await;
    assert!(asked.text.contains(told) && asked.text.contains("loses the role reader"), "{}", asked.text);
    assert!(!asked.text.contains("loses the scope") && live().await, "{}", asked.text);

    // A change of a client that takes a scope from it is asked about for that alone. One that adds a scope needs the password, too.
    let path = "/admin/clients/web/edit";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("scope", "openid profile email")]).await;
    assert!(asked.text.contains(told) && !asked.text.contains("confirm_password") && live().await, "{}", asked.text);
    let saved = browser.submit(&asked, path, &[]).await;
    assert!(saved.text.contains("Saved.") && !live().await, "{}", saved.text);
    let asked = browser.send_filled(&browser.get(path).await, path, &[("scope", "openid profile email orders:read")]).await;
    assert!(asked.text.contains("It may also ask for these scopes: orders:read."), "{}", asked.text);
    let wrong = browser.submit(&asked, path, &[("confirm_password", "not the password")]).await;
    assert!(wrong.status == 400 && wrong.text.contains("It may also ask for these scopes: orders:read."), "{}", wrong.text);
    let saved = browser.submit(&wrong, path, &[("confirm_password", PASSWORD)]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    assert!(clients::show(&app.reading(), "web").await.unwrap().scope.contains("orders:read"));

    // No token carries the handle that the authorization has got until the client refreshes.
    let form = [("grant_type", "refresh_token"), ("refresh_token", given.str("refresh_token"))];
    let refresh = async || assert_eq!(app.post("/token").basic_auth("web", crate::support::SECRET).form(&form).send().await.status, 200);
    // Disabling tells the number, too: of a client those of its access tokens, of a user those of the authorizations that end.
    let ask = async |path: &'static str, action: &'static str| {
        let page = browser.get(path).await;
        browser.submit(&page, path, &[("action", action)]).await.text
    };
    let asked = ask("/admin/clients/web", "disable").await;
    assert!(asked.contains("Every request of it is refused until it is enabled again.") && !asked.contains("access tokens of"), "{asked}");
    refresh().await;
    let asked = ask("/admin/clients/web", "disable").await;
    assert!(asked.contains("Every request of it is refused until it is enabled again. The access tokens of one authorization"), "{asked}");
    for action in ["disable", "delete"] {
        let asked = ask("/admin/users/alice", action).await;
        assert!(asked.contains("One authorization, with its refresh token, gives no more tokens."), "{action}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_in_words_how_each_client_gets_tokens() {
    let (_app, browser) = boss().await;
    for path in ["/admin/clients", "/admin/search?q=web"] {
        let list = browser.get(path).await;
        let words = "People sign in to it with the browser. It gets new tokens without asking people again";
        assert!(list.text.contains(words) && !list.text.contains("authorization_code"), "{path}: {}", list.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_counts_as_verified_needs_the_password() {
    let (app, browser) = boss().await;
    let path = "/admin/users/new";
    let typed = [("username", "dora"), ("email", "dora@example.com"), ("email_verified", "true")];
    let asked = browser.send_filled(&browser.get(path).await, path, &typed).await;
    assert!(asked.text.contains("Applications trust that dora@example.com belongs to dora"), "{}", asked.text);
    assert!(users::show(&app.reading(), "dora").await.is_err());
    let added = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert_eq!(added.heading(), "Added dora", "{}", added.text);
    app.sql("UPDATE users SET email_verified = FALSE WHERE username = 'alice'").await;
    let path = "/admin/users/alice/edit";
    let asked = browser.send_filled(&browser.get(path).await, path, &[("email_verified", "true"), ("name", "Alice B.")]).await;
    assert_eq!(asked.heading(), "Is the address of alice verified?", "{}", asked.text);
    let saved = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert!(saved.text.contains("Saved."), "{}", saved.text);
    let alice = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!((alice.email_verified, alice.name.as_deref()), (true, Some("Alice B.")));
    let path = "/admin/resources/new";
    let typed = [
        ("identifier", "https://open.example"),
        ("name", "Open"),
        ("open", "true"),
        ("access_token_typ", "at+jwt"),
        ("groups", "true"),
        ("group_prefix", "open-"),
    ];
    let asked = browser.send_filled(&browser.get(path).await, path, &typed).await;
    assert!(asked.text.contains("--token-claims groups --group-prefix open-"), "{}", asked.text);
    assert!(asked.text.contains("lets every client ask for its scopes"), "{}", asked.text);
    let added = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert_eq!((added.status, added.heading()), (200, "Open"), "{}", added.text);
    let open = signet_issuer::admin::resources::show(&app.reading(), "https://open.example").await.unwrap();
    assert_eq!((open.token_claims.len(), open.group_prefix.as_str()), (1, "open-"));
}
