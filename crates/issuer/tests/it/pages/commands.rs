//! Each page of the administration shows at its foot the command that does the same: with the values of this page, quoted for a shell.

use std::process::Command;

use signet_issuer::admin::client_claims;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::oauth::client_claim::{ClaimSource, ClientClaim};

use crate::cli::Signet;
use crate::clients::assertion::Key;
use crate::pages::offers::{app, command, walk};
use crate::support::{Answer, Browser, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_a_command_that_the_command_line_reads() {
    let app = app().await;
    let seen = walk(&app.signed_in("boss").await).await;
    assert!(seen.commands.len() > 100, "{:#?}", seen.commands);
    // Each line is read by the real binary, which then stops, because there is no such file.
    let signet = Signet::new();
    let script = seen.commands.values().map(|line| line.clone() + "\n").collect::<Vec<_>>().concat();
    let function = format!(
        "signet() {{ '{}' --config nowhere.toml \"$@\" 2>errors; cat errors >>all; if grep -q 'see --help' errors; then echo \"$@\"; cat errors; fi; }}\n",
        env!("CARGO_BIN_EXE_signet")
    );
    let output = Command::new("sh").current_dir(signet.dir.path()).args(["-c", &(function + &script)]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    let stopped = std::fs::read_to_string(signet.dir.path().join("all")).unwrap();
    let number = seen.commands.values().map(|line| line.split(" && ").count()).sum::<usize>();
    assert_eq!(stopped.matches("nowhere.toml").count(), number, "{stopped}");
}

async fn boss() -> (TestApp, Browser) {
    let app = app().await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

#[track_caller]
fn assert_command(page: &Answer, expected: &str) {
    assert_eq!(command(page).unwrap_or_else(|| panic!("{}", page.text)), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_searches_show_what_was_asked() {
    let (_app, browser) = boss().await;
    for (path, expected) in [
        ("/admin/users?q=ali%20ex", "signet user list --search 'ali ex'"),
        ("/admin/users", "signet user list"),
        ("/admin/users?q=-x", "signet user list --search=-x"),
        ("/admin/groups?q=it%27s", "signet group list --search \"it's\""),
        ("/admin/clients?q=%24(id)", "signet client list --search '$(id)'"),
        ("/admin/search?q=ali", "signet user list --search ali && signet group list --search ali && signet client list --search ali"),
        ("/admin/audit", "signet audit list"),
        ("/admin/audit?by=user&value=alice&from=2026-01-31", "signet audit list --user alice --from 2026-01-31"),
        (
            "/admin/audit?by=role&value=clerk&until=2030-01-01T00:00:00Z",
            "signet audit list --object role:clerk --until 2030-01-01T00:00:00Z",
        ),
        ("/admin/audit?by=actor&value=user:boss", "signet audit list --actor user:boss"),
        ("/admin/audit/1", "signet audit show 1"),
        ("/admin/roles/clerk", "signet role show clerk"),
        ("/admin?range=week", "signet audit activity --hours 168"),
        ("/admin", "signet doctor"),
        ("/admin/clients/web/try", "signet client try web --user USERNAME"),
        (
            "/admin/clients/web/try?user=alice&scope=openid+profile&resource=https://orders.example",
            "signet client try web --user alice --scope openid --scope profile --resource https://orders.example",
        ),
    ] {
        assert_command(&browser.get(path).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_show_what_was_typed() {
    let (app, browser) = boss().await;
    let send = async |path: &str, fields: &[(&str, &str)]| browser.send_filled(&browser.get(path).await, path, fields).await;
    // The page that asks for the password, and the one that shows what was made.
    let typed =
        [("username", "carol"), ("name", "Carol $HOME"), ("email", "carol@example.com"), ("email_verified", "true"), ("roles", "clerk")];
    let add = "signet user add carol --email carol@example.com --email-verified --name 'Carol $HOME' --role clerk";
    let asked = send("/admin/users/new", &typed).await;
    assert_command(&asked, add);
    let added = browser.submit(&asked, "/admin/users/new", &[("confirm_password", PASSWORD)]).await;
    assert!(added.heading() == "Added carol" && !command(&added).unwrap().contains(PASSWORD), "{}", added.text);
    assert_command(&added, add);
    // A form that was refused.
    let refused = send("/admin/groups/new", &[("name", "a,b"), ("roles", "clerk"), ("delegated", "true")]).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_command(&refused, "signet group add 'a,b' --role clerk --delegated");

    let asked = send("/admin/groups/staff/edit", &[("roles", "clerk"), ("delegated", "unchecked"), ("display_name", "All staff")]).await;
    assert_command(&asked, "signet group edit staff --display-name 'All staff' --add-role clerk --delegated false");
    let asked = send("/admin/groups/staff/members", &[("add", "carol"), ("remove", "alice")]).await;
    assert_command(&asked, "signet group members staff --add carol --remove alice");
    let asked = send("/admin/users/alice/roles", &[("roles", "")]).await;
    assert_command(&asked, "signet user roles alice --remove clerk");
    let asked = send("/admin/users/alice/edit", &[("username", "alicia"), ("nickname", "Al"), ("email", "")]).await;
    assert_command(&asked, "signet user edit alice --rename alicia --email '' --claim 'nickname=Al'");
    let asked = send("/admin/roles/clerk/edit", &[("scopes", "orders:read"), ("display_name", "Clerk")]).await;
    let both = "signet role scopes clerk --remove orders:write && signet role edit clerk --display-name Clerk";
    assert_command(&asked, both);
    let typed =
        [("claim", "level"), ("source", "group_map"), ("map", "staff=Editor\nboard=Admin"), ("default", "Viewer"), ("shape", "first")];
    let typed = [&typed[..], &[("in_userinfo", "unchecked")]].concat();
    let asked = send("/admin/clients/web/claim", &typed).await;
    let set = "signet client claim set web level --group-value 'staff=Editor' --group-value 'board=Admin' --default Viewer --only id-token";
    assert_command(&asked, set);
    let saved = browser.submit(&asked, "/admin/clients/web/claim", &[("confirm_password", PASSWORD)]).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    // The form of a claim that is there shows its values.
    assert_command(&browser.get("/admin/clients/web/claim?claim=level").await, set);
    // The name of a group that has an equals sign, and a value that has one, are written so that the command reads them as the form does.
    for name in ["a", "a=b"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    let typed = [("claim", "who"), ("source", "group_map"), ("map", "a\\=b = Admin\na=b\\=Admin"), ("shape", "first")];
    let asked = send("/admin/clients/web/claim", &typed).await;
    let set = r#"signet client claim set web who --group-value "a\\=b=Admin" --group-value "a=b\\=Admin""#;
    assert_command(&asked, set);
    browser.submit(&asked, "/admin/clients/web/claim", &[("confirm_password", PASSWORD)]).await;
    let saved = client_claims::list(&app.reading(), "web").await.unwrap();
    let ClaimSource::GroupMap { map, .. } = &saved.iter().find(|claim| claim.claim == "who").unwrap().source else { panic!("{saved:?}") };
    let map: Vec<(&str, &str)> = map.iter().map(|entry| (entry.group.as_str(), entry.value.as_str().unwrap())).collect();
    assert_eq!(map, [("a=b", "Admin"), ("a", "b=Admin")]);
    assert_command(&browser.get("/admin/clients/web/claim?claim=who").await, set);
    let refused = send("/admin/clients/web/claim", &[("claim", "who"), ("source", "group_map"), ("map", "a=b=Admin")]).await;
    assert!(refused.text.contains(r"write \= for a = that belongs to the name or the value"), "{}", refused.text);
    let form = browser.get("/admin/clients/web/claim?claim=level").await;
    let asked = browser.send_filled(&form, "/admin/clients/web/claim", &[("claim", "")]).await;
    assert_command(&asked, "signet client claim remove web level");
    // A claim that gets another name is there under that name alone.
    let asked = browser.send_filled(&form, "/admin/clients/web/claim", &[("claim", "rank")]).await;
    let values = "--group-value 'staff=Editor' --group-value 'board=Admin' --default Viewer --only id-token";
    assert_command(&asked, &format!("signet client claim set web rank {values} && signet client claim remove web level"));

    let edit = "/admin/clients/web/edit";
    let scopes = browser.get(edit).await;
    assert_command(&scopes, "signet client edit web");
    let asked =
        send(edit, &[("first_party", "true"), ("redirect_uris", "https://web.example/new"), ("groups", "staff"), ("access", "groups")])
            .await;
    let line = command(&asked).unwrap();
    for part in [
        "--access groups",
        "--add-redirect-uri https://web.example/new",
        "--remove-redirect-uri",
        "--add-group staff",
        "--first-party true",
    ] {
        assert!(line.starts_with("signet client edit web ") && line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("--name") && !line.contains("scope"), "{line}");
    let grafana = browser.get("/admin/clients/new?preset=grafana").await;
    assert_command(&grafana, "signet client add --preset grafana --url URL --access everyone");
    let typed = [("url", "https://grafana.example"), ("access", "groups"), ("groups", "staff")];
    let asked = browser.send_filled(&grafana, "/admin/clients/new", &typed).await;
    assert_command(&asked, "signet client add --preset grafana --url https://grafana.example --access groups --group staff");
    // A second command takes away what the preset has and the form has not.
    let less = [("scope", "openid profile email"), ("post_logout_redirect_uris", ""), ("first_party", "unchecked")];
    let asked = browser.send_filled(&grafana, "/admin/clients/new", &[&typed[..], &less].concat()).await;
    let (add, edit) = command(&asked).unwrap().split_once(" && ").map(|(add, edit)| (add.to_owned(), edit.to_owned())).unwrap();
    assert_eq!(add, "signet client add --preset grafana --url https://grafana.example --access groups --group staff");
    assert_eq!(
        edit,
        "signet client edit grafana --remove-post-logout-redirect-uri https://grafana.example/login --remove-scope groups --first-party false"
    );
    let typed = [("old", "now")];
    assert_command(&send("/admin/clients/web/secret", &typed).await, "signet client rotate-secret web --drop-previous");
    let resource = "/admin/resources/https%3A%2F%2Forders%2Eexample";
    let typed = [("scopes", "orders:read=See your orders"), ("groups", "true"), ("token_lifetime", "60")];
    let asked = send(&format!("{resource}/edit"), &typed).await;
    let line = command(&asked).unwrap();
    for part in
        ["signet resource edit https://orders.example ", "--remove-scope orders:write", "--token-lifetime 60", "--token-claims groups"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    // What is not set by the operator is never in a command: it would stand in the history of the shell.
    let wrong = browser.submit(&asked, &format!("{resource}/edit"), &[("confirm_password", "hunter2 hunter2")]).await;
    assert!(wrong.status == 400 && !wrong.text.contains("hunter2"), "{}", wrong.text);
    drop(app);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_no_text_stays_so_when_the_form_of_a_claim_is_saved_as_it_was_drawn() {
    let app = TestApp::administered().await.with_web().await;
    let browser = app.signed_in("boss").await;
    for name in ["staff", "board", "a=b"] {
        let draft = GroupDraft { name: name.to_owned(), ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    }
    let claim = serde_json::json!({
        "claim": "tier", "source": "group_map", "shape": "first", "in_id_token": true, "in_userinfo": true, "default": 0,
        "map": [{ "group": "staff", "value": 7 }, { "group": "board", "value": { "a=b": ["x\\y", true] } }, { "group": "a=b", "value": "7" }],
    });
    let claim: ClientClaim = serde_json::from_value(claim).unwrap();
    let put = claim.clone();
    app.operate(|change| Box::pin(client_claims::put(change, "web", put))).await.unwrap();
    let form = browser.get("/admin/clients/web/claim?claim=tier").await;
    let asked = browser.send_filled(&form, "/admin/clients/web/claim", &[]).await;
    let line = command(&asked).unwrap();
    assert!(line.contains("--group-value 'staff==7'") && line.contains("--default '=0'"), "{line}");
    let saved = browser.submit(&asked, "/admin/clients/web/claim", &[("confirm_password", PASSWORD)]).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let saved = client_claims::list(&app.reading(), "web").await.unwrap();
    assert_eq!(saved.iter().find(|own| own.claim == "tier"), Some(&claim));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_empties_its_command_empties_too() {
    let app = TestApp::administered().await.with_web().await;
    let browser = app.signed_in("boss").await;
    app.sql("UPDATE resources SET token_lifetime = 60").await;
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |client| {
        client.token_endpoint_auth_method = Some("private_key_jwt".into());
        client.metadata = serde_json::from_str(&format!("{{\"jwks\":{}}}", Key::new("one").jwks())).unwrap();
    })
    .await;
    for (path, field, name, option) in [
        ("/admin/resources/https%3A%2F%2Forders%2Eexample/edit", "token_lifetime", "name", "--token-lifetime ''"),
        ("/admin/clients/signer/edit", "jwks", "client_name", "--jwks-uri ''"),
    ] {
        // An empty name is refused, so that the form comes back with its command.
        let refused = browser.send_filled(&browser.get(path).await, path, &[(field, ""), (name, "")]).await;
        let line = command(&refused).unwrap();
        assert!(refused.status == 400 && line.contains(option), "{path}: {line}");
    }
    // The word that presets have for the application's address may be typed, too.
    let grafana = browser.get("/admin/clients/new?preset=grafana").await;
    let typed = [("url", "https://grafana.example/"), ("access", "everyone"), ("redirect_uris", "{url}/login/generic_oauth\n{url}/x")];
    let line = command(&browser.send_filled(&grafana, "/admin/clients/new", &typed).await).unwrap();
    assert!(line.contains("--redirect-uri https://grafana.example/x"), "{line}");
}
