//! Each preset gives the same client through the command line, the page and REST, and that client gets its tokens.

use serde_json::{Map, Value, json};
use signet_issuer::admin::presets::{self, Preset};
use signet_issuer::admin::{client_claims, clients};
use signet_issuer::oauth::issuer::Issuer;

use crate::cli::Signet;
use crate::support::{Answer, Browser, PASSWORD, TestApp, VERIFIER};

/// The folder of the pages about presets.
const CONNECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connect");

/// Returns the settings of the client `id` that must not depend on how it was added.
async fn settings(app: &TestApp, id: &str) -> Value {
    let mut client = json!(clients::show(&app.reading(), id).await.unwrap());
    for own in ["client_id", "created_at", "last_used_at", "live_authorizations"] {
        client.as_object_mut().unwrap().remove(own);
    }
    // The command line reads the time of this machine.
    client["secrets"] = client["secrets"].as_array().unwrap().len().into();
    client["claims"] = json!(client_claims::list(&app.reading(), id).await.unwrap());
    client
}

fn by_cli(app: &TestApp, preset: &Preset, id: &str) -> Value {
    let keys = app.keys_dir().display().to_string();
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    let mut args = vec!["client", "add", "--preset", preset.name, "--id", id, "--json"];
    if preset.needs_url() {
        args.extend(["--url", preset.example]);
    }
    if preset.name == "service" {
        args.extend(["--scope", "orders:read", "--resource", "https://orders.example"]);
    } else {
        args.extend(["--access", "everyone"]);
    }
    let out = Signet::new().run_with(&env, &args, "");
    assert!(out.success, "{}: {}", preset.name, out.stderr);
    serde_json::from_str(&out.stdout).unwrap()
}

async fn by_rest(app: &TestApp, token: &str, preset: &Preset, id: &str) -> Answer {
    let mut body = Map::from_iter([("client_id".to_owned(), json!(id))]);
    if preset.needs_url() {
        body.insert("url".to_owned(), json!(format!("{}/", preset.example)));
    }
    if preset.name == "service" {
        body.insert("scope".to_owned(), json!("orders:read"));
        body.insert("default_resource".to_owned(), json!("https://orders.example"));
    } else {
        body.insert("access".to_owned(), json!("everyone"));
    }
    app.call("POST", &format!("/presets/{}/clients", preset.name), token, None, Some(body.into())).await
}

async fn by_page(browser: &Browser, preset: &Preset, id: &str) -> Answer {
    let form = browser.get(&format!("/admin/clients/new?preset={}", preset.name)).await;
    let mut typed = vec![("client_id", id)];
    if preset.needs_url() {
        typed.push(("url", preset.example));
    }
    if preset.name == "service" {
        typed.extend([("scope", "orders:read"), ("default_resource", "https://orders.example")]);
    } else {
        typed.push(("access", "everyone"));
    }
    let answer = browser.send_filled(&form, "/admin/clients/new", &typed).await;
    if !answer.text.contains("confirm_password") {
        return answer;
    }
    browser.submit(&answer, "/admin/clients/new", &[("confirm_password", PASSWORD)]).await
}

/// Gets tokens by the grant of the client in `browser`, with each of its redirect URIs, and returns the last answer.
async fn tokens(app: &TestApp, browser: &Browser, preset: &Preset, id: &str, secret: Option<&str>) -> Answer {
    let post = |form: Vec<(&'static str, String)>| async move {
        let request = app.post("/token");
        let mut form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form.extend(secret.is_none().then_some(("client_id", id)));
        match secret {
            Some(secret) => request.basic_auth(id, secret).form(&form).send().await,
            None => request.form(&form).send().await,
        }
    };
    if preset.name == "service" {
        return post(vec![("grant_type", "client_credentials".to_owned())]).await;
    }
    let mut last = None;
    for uri in preset.redirect_uris {
        let uri = uri.replace("{url}", preset.example);
        let scope = preset.scopes.join(" ");
        let code = browser.code(&app.authorize(&[("client_id", id), ("redirect_uri", &uri), ("scope", &scope)])).await;
        let form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", uri.clone()),
            ("code_verifier", VERIFIER.to_owned()),
        ];
        let answer = post(form).await;
        assert_eq!(answer.status, 200, "{id} {uri}: {}", answer.text);
        last = Some(answer);
    }
    last.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_preset_gives_the_same_client_through_every_face_and_it_gets_its_tokens() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let browser = app.signed_in("boss").await;
    let mut count = 0;
    for preset in presets::all() {
        count += 1;
        let [cli, rest, page] = ["cli", "rest", "page"].map(|face| format!("{}-{face}", preset.name));
        let printed = by_cli(&app, preset, &cli);
        let answer = by_rest(&app, &token, preset, &rest).await;
        assert_eq!(answer.status, 201, "{}: {}", preset.name, answer.text);
        assert!(answer.header("location").ends_with(&format!("/api/v1/clients/{rest}")), "{}", answer.header("location"));
        let shown = by_page(&browser, preset, &page).await;
        assert_eq!(shown.status, 200, "{}: {}", preset.name, shown.text);
        let one = settings(&app, &cli).await;
        assert_eq!(settings(&app, &rest).await, one, "{}", preset.name);
        assert_eq!(settings(&app, &page).await, one, "{}", preset.name);
        assert_eq!(answer.json["client"]["version"], one["version"], "the answer shows the client as it is stored");
        // The secret and the lines are those that work.
        let secret = answer.json["client_secret"].as_str();
        assert_eq!((secret.is_none(), printed["client_secret"].is_null()), (preset.public, preset.public), "{}", preset.name);
        for paste in answer.json["paste"].as_array().unwrap() {
            let text = paste["text"].as_str().unwrap();
            for left in ["{issuer}", "{client_id}", "{client_secret}", "{url}", "{host}"] {
                assert!(!text.contains(left), "{}: {text}", preset.name);
            }
            assert!(
                shown.text.contains(&html_of(text.lines().next().unwrap()).replace(&rest, &page)) || secret.is_some(),
                "{}: {}",
                preset.name,
                shown.text
            );
        }
        assert_eq!(printed["paste"].as_array().unwrap().len(), preset.paste.len());
        let answer = tokens(&app, &app.browser(), preset, &rest, secret).await;
        assert_eq!(answer.status, 200, "{}: {}", preset.name, answer.text);
        if preset.name != "service" {
            let tried = json!({ "username": "alice", "scope": preset.scopes.join(" ") });
            let tried = app.call("POST", &format!("/clients/{rest}/try"), &token, None, Some(tried)).await;
            for claim in preset.claims {
                assert!(tried.text.contains(&format!("\"claim\":\"{}\"", claim.claim)), "{} {}: {}", preset.name, claim.claim, tried.text);
            }
        }
    }
    assert_eq!(count, 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_each_preset_is_tried_without_naming_a_scope() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let browser = app.signed_in("boss").await;
    let keys = app.keys_dir().display().to_string();
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    for preset in presets::all() {
        let id = preset.name;
        by_cli(&app, preset, id);
        // The claims of an application that reads them from the ID token are there too, because `openid` is among what is tried.
        let mut expected: Vec<&str> = preset.scopes.iter().copied().filter(|scope| *scope != "offline_access").collect();
        if id == "service" {
            expected.push("orders:read");
        }
        expected.sort_unstable();
        let outcome: Vec<Value> = expected.iter().map(|scope| json!({ "scope": scope, "missing": null })).collect();
        let answer = app.call("POST", &format!("/clients/{id}/try"), &token, None, Some(json!({ "username": "alice" }))).await;
        assert_eq!((answer.status, &answer.json["scopes"]), (200, &json!(outcome)), "{id}: {}", answer.text);
        assert_eq!(answer.json["places"].as_array().unwrap().len(), if id == "service" { 1 } else { 3 }, "{id}: {}", answer.text);
        let out = Signet::new().run_with(&env, &["client", "try", id, "--user", "alice"], "");
        assert!(out.success && out.stdout.contains("No scope was named, so these were tried:\n"), "{id}: {} {}", out.stdout, out.stderr);
        let granted = |scope: &str| out.stdout.contains(&format!("\n{scope:<24}granted\n"));
        assert!(expected.iter().all(|scope| granted(scope)) && !granted("offline_access"), "{id}: {}", out.stdout);
        let page = browser.get(&format!("/admin/clients/{id}/try?user=alice&scope=")).await;
        assert!(page.status == 200 && page.text.contains("No scope was named, so these were tried."), "{id}: {}", page.text);
        assert!(expected.iter().all(|scope| page.text.contains(&format!(">{scope}<"))), "{id}: {}", page.text);
        let named = browser.get(&format!("/admin/clients/{id}/try?user=alice&scope={}", expected[0])).await;
        assert!(named.status == 200 && !named.text.contains("No scope was named"), "{id}: {}", named.text);
    }
    // A client that signs people in and also has scopes of a resource is tried with what it tells of people.
    app.add_client_with("both", true, "authorization_code", &["openid", "orders:read"], |draft| {
        draft.redirect_uris = vec!["https://both.example/cb".to_owned()];
        draft.default_resource = None;
    })
    .await;
    let answer = app.call("POST", "/clients/both/try", &token, None, Some(json!({ "username": "alice" }))).await;
    assert_eq!(answer.json["scopes"], json!([{ "scope": "openid", "missing": null }]), "{}", answer.text);
    let body = json!({ "username": "alice", "resource": "https://orders.example" });
    let answer = app.call("POST", "/clients/both/try", &token, None, Some(body)).await;
    assert_eq!(answer.json["scopes"], json!([{ "scope": "orders:read", "missing": null }]), "{}", answer.text);
}

fn html_of(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_preset_lacks_is_named() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "admin").await;
    let post = async |name: &str, body: Value| app.call("POST", &format!("/presets/{name}/clients"), &token, None, Some(body)).await;
    assert_eq!(post("nonsense", json!({})).await.status, 404);
    for url in [json!(null), json!("grafana"), json!("https://grafana.example/?x=1"), json!("javascript:alert(1)")] {
        let refused = post("grafana", json!({ "url": url, "access": "everyone" })).await;
        assert_eq!((refused.status, refused.json["errors"][0]["pointer"].as_str()), (422, Some("#/url")), "{}", refused.text);
    }
    let refused = post("grafana", json!({ "url": "https://g.example" })).await;
    assert_eq!((refused.status, refused.json["errors"][0]["pointer"].as_str()), (422, Some("#")), "{}", refused.text);
    assert!(refused.json["errors"][0]["detail"].as_str().unwrap().starts_with("access: expected everyone"), "{}", refused.text);
    let body = json!({ "url": "https://g.example", "access": "everyone" });
    assert_eq!(post("grafana", body.clone()).await.status, 201);
    let again = post("grafana", body).await;
    assert_eq!((again.status, again.str("id")), (409, "grafana"), "{}", again.text);
    let browser = app.signed_in("boss").await;
    assert_eq!(browser.get("/admin/clients/new?preset=nonsense").await.status, 400);
    let form = browser.get("/admin/clients/new?preset=vault").await;
    let refused = browser.send_filled(&form, "/admin/clients/new", &[("url", "vault")]).await;
    for part in ["the address of the application", "Expected everyone, or groups"] {
        assert!(refused.status == 400 && refused.text.contains(part), "{part}: {}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_in_the_lines_signs_people_out_and_leads_back_to_the_application() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    // `back` is the page to which each application asks to be sent back. Nextcloud makes the address itself.
    for (name, begin, back) in [
        ("grafana", "signout_redirect_url = ", "/login"),
        ("argocd", "logoutURL: ", ""),
        ("pgadmin", "'OAUTH2_LOGOUT_URL': '", "/"),
        ("nextcloud", "", "/"),
    ] {
        let preset = presets::find(name).unwrap();
        let made = by_rest(&app, &token, preset, name).await;
        let browser = app.signed_in("alice").await;
        let answer = tokens(&app, &browser, preset, name, made.json["client_secret"].as_str()).await;
        let (hint, back) = (answer.str("id_token"), format!("{}{back}", preset.example));
        let texts = made.json["paste"].as_array().unwrap().iter().map(|paste| paste["text"].as_str().unwrap());
        let line = texts.flat_map(str::lines).find_map(|line| line.trim().strip_prefix(begin)).unwrap();
        let own = line.trim_end_matches("',").replace("{{token}}", hint).replace("{{logoutRedirectURL}}", &back);
        let address = match name {
            "grafana" => format!("{own}&id_token_hint={hint}"),
            "nextcloud" => format!("{}/end_session?post_logout_redirect_uri={back}&client_id={name}&id_token_hint={hint}", app.url),
            _ => own.replace("{id_token}", hint).replace("{redirect_uri}", &back),
        };
        let left = browser.get(address.strip_prefix(&app.url).unwrap()).await;
        assert_eq!((left.status, left.header("location")), (303, back.as_str()), "{address}: {}", left.text);
        assert_eq!(browser.get("/end_session").await.heading(), "Nobody is signed in here", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_everyone_may_use_is_told_of_all_groups_and_one_with_groups_of_its_own() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    for name in ["admins", "other"] {
        app.call("POST", "/groups", &token, None, Some(json!({ "name": name }))).await;
        app.call("POST", &format!("/groups/{name}/members"), &token, None, Some(json!({ "add": ["alice"] }))).await;
    }
    let told = async |body: Value| {
        let made = app.call("POST", "/presets/grafana/clients", &token, None, Some(body.clone())).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = body["client_id"].as_str().unwrap().to_owned();
        let tried = json!({ "username": "alice", "scope": "openid groups" });
        let tried = app.call("POST", &format!("/clients/{id}/try"), &token, None, Some(tried)).await;
        let id_token = tried.json["places"].as_array().unwrap()[0]["claims"].as_array().unwrap().clone();
        id_token.into_iter().find(|claim| claim["claim"] == "groups").unwrap()["value"].clone()
    };
    let url = "https://grafana.example.com";
    assert_eq!(told(json!({ "client_id": "open", "url": url, "access": "everyone" })).await, json!(["admins", "other"]));
    let closed = json!({ "client_id": "closed", "url": url, "access": "groups", "groups": ["admins"] });
    assert_eq!(told(closed).await, json!(["admins"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preset_of_nextcloud_is_told_of_sign_outs_and_that_of_minio_needs_no_pkce() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let nextcloud = presets::find("nextcloud").unwrap();
    let made = by_rest(&app, &token, nextcloud, "nextcloud").await;
    let uri = "https://cloud.example.com/index.php/apps/user_oidc/backchannel-logout/Signet";
    assert_eq!(made.json["client"]["metadata"]["backchannel_logout_uri"], uri, "{}", made.text);
    assert!(made.text.contains("user_oidc:provider Signet "), "the address ends with the name of the provider");

    let minio = presets::find("minio").unwrap();
    by_rest(&app, &token, minio, "minio").await;
    let callback = "https://minio.example.com/oauth_callback";
    let bare = [
        ("client_id", "minio"),
        ("redirect_uri", callback),
        ("scope", "openid"),
        ("nonce", ""),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let code = app.browser().code(&app.authorize(&bare)).await;
    assert!(!code.is_empty());
}

#[test]
fn the_lines_name_the_host_with_the_port_of_the_address() {
    let issuer = Issuer::parse("https://id.example.com").unwrap();
    for (url, options) in [
        ("https://argocd.example.com:8443", "argocd.example.com:8443 --sso --grpc-web"),
        ("https://argocd.example.com", "argocd.example.com --sso --grpc-web"),
        // The path of the server is an option of its own.
        ("http://[::1]:8080/cd", "[::1]:8080 --sso --grpc-web --grpc-web-root-path /cd"),
    ] {
        let lines = presets::find("argocd").unwrap().lines(&issuer, url, "argocd", None);
        assert_eq!(lines.last().unwrap().text, format!("argocd login {options}"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_at_an_address_that_is_not_fetched_is_added_without_back_channel_logout() {
    let app = TestApp::administered().await;
    let app = app.another_node_with(|settings| settings.fetch_private_addresses = false).await;
    let token = app.token_of("boss", "admin").await;
    let browser = app.signed_in("boss").await;
    for (number, url) in ["http://localhost:8080", "https://192.168.1.7", "https://cloud.localhost"].into_iter().enumerate() {
        let body = json!({ "client_id": format!("rest{number}"), "url": url, "access": "everyone" });
        let made = app.call("POST", "/presets/nextcloud/clients", &token, None, Some(body)).await;
        assert_eq!((made.status, made.json["client"]["metadata"].get("backchannel_logout_uri")), (201, None), "{url}: {}", made.text);
        let id = format!("page{number}");
        let form = browser.get("/admin/clients/new?preset=nextcloud").await;
        let asked = browser.send_filled(&form, "/admin/clients/new", &[("client_id", &id), ("url", url), ("access", "everyone")]).await;
        assert_eq!(browser.submit(&asked, "/admin/clients/new", &[("confirm_password", PASSWORD)]).await.status, 200, "{}", asked.text);
        let added = json!(clients::show(&app.reading(), &id).await.unwrap());
        assert_eq!(added["metadata"].get("backchannel_logout_uri"), None, "{added}");
    }
    // One that was typed is told of, because the person wants it.
    let form = browser.get("/admin/clients/new?preset=nextcloud").await;
    let typed = [("url", "https://cloud.example"), ("access", "everyone"), ("backchannel_logout_uri", "http://localhost/logout")];
    let refused = browser.send_filled(&form, "/admin/clients/new", &typed).await;
    assert!(refused.status == 400 && refused.text.contains("an https URL of the public internet"), "{}", refused.text);
}

#[test]
fn the_page_of_each_preset_shows_the_lines_that_it_prints() {
    let issuer = Issuer::parse("https://id.example.com").unwrap();
    for preset in presets::all() {
        let path = format!("{CONNECT}/{}.md", preset.name);
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        let url = preset.check_url(Some(preset.example)).unwrap();
        let option = if preset.needs_url() { format!(" --url {}", preset.example) } else { String::new() };
        assert!(page.contains(&format!("signet client add --preset {}{option} ", preset.name)), "{path}");
        for paste in preset.lines(&issuer, &url, preset.name, (!preset.public).then_some("…")) {
            assert!(page.contains(&format!("\n{}\n", paste.text)), "{path} lacks the lines for {}:\n{}", paste.place, paste.text);
        }
        let proof = preset.proof().replace(['\n', ' '], "");
        assert!(page.replace(['\n', ' ', '`'], "").contains(proof.trim_end_matches('.')), "{path}: {}", preset.proof());
    }
}
