//! `signet client access` and `signet user consents` from a script.

use serde_json::{Value, json};

use crate::cli::{PASSWORD, Signet, with_orders};
use crate::support::{SECRET, TestApp};

#[test]
fn a_script_reviews_who_may_use_a_client() {
    let signet = with_orders();
    signet.json_with(&["user", "add", "alice", "--name", "=Alice", "--password-stdin"], PASSWORD);
    signet.json(&["group", "add", "staff"]);
    let add = ["client", "add", "--id", "wiki", "--name", "Wiki", "--public", "--grant", "authorization_code", "--access", "groups"];
    signet.json(&[&add[..], &["--group", "staff", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"]].concat());
    assert_eq!(signet.json(&["client", "access", "wiki"]), json!([]));
    assert!(signet.run(&["client", "access", "wiki", "--csv"]).stdout.starts_with("client_id,user_id,username,"));
    signet.json(&["group", "members", "staff", "--add", "alice"]);
    let listed = signet.json(&["client", "access", "wiki"]);
    assert_eq!((&listed[0]["username"], &listed[0]["through"], listed.as_array().unwrap().len()), (&json!("alice"), &json!("staff"), 1));
    let csv = signet.run(&["client", "access", "wiki", "--csv"]).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("wiki,") && lines[1].ends_with(",alice,'=Alice,,true,staff,"), "{csv}");
    let table = signet.run(&["client", "access", "wiki"]).stdout;
    assert!(table.starts_with("USERNAME") && table.contains("alice"), "{table}");
    assert!(signet.error(&["client", "access", "none", "--csv"], "").starts_with("signet: there is no client none"));
}

#[test]
fn a_dry_run_of_an_edit_says_what_would_change_and_who_loses_access() {
    let signet = with_orders();
    for user in ["alice", "bob"] {
        signet.json_with(&["user", "add", user, "--password-stdin"], PASSWORD);
    }
    for (group, member) in [("staff", "alice"), ("guests", "bob")] {
        signet.json(&["group", "add", group]);
        signet.json(&["group", "members", group, "--add", member]);
    }
    let add = ["client", "add", "--id", "wiki", "--name", "Wiki", "--public", "--grant", "authorization_code", "--access", "groups"];
    signet.json(&[&add[..], &["--group", "staff", "--redirect-uri", "https://wiki.example/cb", "--scope", "openid"]].concat());
    let before = signet.json(&["client", "show", "wiki"]);
    let edit = ["client", "edit", "wiki", "--add-group", "guests", "--remove-group", "staff", "--name", "The wiki", "--public", "false"];
    let edit = [&edit[..], &["--client-uri", "https://wiki.example", "--dry-run"]].concat();
    let told = signet.run(&edit).stdout;
    for line in [
        "Nothing was changed.",
        "client_name: Wiki -> The wiki",
        "client_uri: nothing -> https://wiki.example",
        "groups: staff -> guests",
        "public: true -> false",
        "The client would get a secret.",
        "1 user would gain the client wiki: bob",
        "1 user would lose the client wiki: alice",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}: {told}");
    }
    let json = signet.json(&edit);
    assert_eq!(json["changes"]["groups"], json!({ "before": ["staff"], "after": ["guests"] }));
    assert!(json["changes"].get("version").is_none() && json["effects"].as_array().unwrap().len() == 2, "{json}");
    assert_eq!(signet.json(&["client", "show", "wiki"]), before, "nothing of it is kept");
    let same = signet.run(&["client", "edit", "wiki", "--name", "Wiki", "--dry-run"]).stdout;
    let expected = "Nothing was changed.\nThe client is so already.\nThe roles, groups and applications of users stay as they are.\n";
    assert_eq!(same, expected);
    let everyone = signet.run(&["client", "edit", "wiki", "--access", "everyone", "--dry-run"]).stdout;
    assert!(
        everyone.contains("access: groups -> everyone") && everyone.contains("2 users would gain the client wiki: admin, bob"),
        "{everyone}"
    );
    let refused = signet.error(&["client", "edit", "wiki", "--add-group", "none", "--dry-run"], "");
    assert!(refused.contains("--add-group or --remove-group"), "a dry run obeys the rules of the change: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_lists_and_withdraws_consents() {
    // The commands know no other time than this machine's.
    let app = TestApp::on_system_time().await.with_orders().await.with_user("alice").await.with_web().await;
    let (signet, keys) = (Signet::new(), app.keys_dir().display().to_string());
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    let run = |args: &[&str]| signet.run_with(&env, &[&["user", "consents"], args].concat(), "");
    assert_eq!(run(&["alice", "--json"]).stdout.trim(), "[]");
    let given = app.code_flow(&app.browser(), &[("scope", "openid offline_access")]).await;
    let listed: Value = serde_json::from_str(&run(&["alice", "--json"]).stdout).unwrap();
    assert_eq!((&listed[0]["client_id"], listed.as_array().unwrap().len()), (&"web".into(), 1));
    assert!(run(&["alice"]).stdout.starts_with("CLIENT ID"));
    let out = run(&["alice", "--withdraw", "web"]);
    assert_eq!(out.stdout, "Withdrew what alice allowed the client web; its access to the account has ended.\n", "{}", out.stderr);
    let form = [("grant_type", "refresh_token"), ("refresh_token", given.str("refresh_token"))];
    assert_eq!(app.post("/token").basic_auth("web", SECRET).form(&form).send().await.error(), (400, "invalid_grant"));
    assert_eq!(run(&["alice", "--json"]).stdout.trim(), "[]");
    for (args, expected) in [(&["alice", "--withdraw", "web"][..], "there is no consent web"), (&["nobody"], "there is no user nobody")] {
        let out = run(args);
        assert!(!out.success && out.stderr.contains(expected), "{args:?}: {}", out.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_the_authorizations_that_a_change_ends_or_narrows() {
    // The commands know no other time than this machine's.
    let app = TestApp::on_system_time().await.with_orders().await.with_user("alice").await.with_web().await;
    let (signet, keys) = (Signet::new(), app.keys_dir().display().to_string());
    let env = [("SIGNET_DATABASE_URL", app.database_url()), ("SIGNET_KEYS_DIR", keys.as_str()), ("SIGNET_ISSUER", app.url.as_str())];
    let run = |args: &[&str]| {
        let out = signet.run_with(&env, &[args, &["--dry-run"]].concat(), "");
        assert!(out.success, "{args:?}: {}", out.stderr);
        out.stdout
    };
    app.code_flow(&app.browser(), &[("scope", "openid offline_access")]).await;
    for change in [&["user", "disable", "alice"][..], &["user", "delete", "alice"]] {
        let told = run(change);
        for line in ["1 user could no longer sign in, and their sessions would end.", "Authorizations that could no longer be used: 1."] {
            assert!(told.lines().any(|told| told == line), "{line}: {told}");
        }
        assert!(!told.contains("stay as they are"), "{told}");
    }
    for change in ["--remove-scope=offline_access", "--remove-grant=refresh_token"] {
        let told = run(&["client", "edit", "web", change]);
        assert!(told.contains("The roles, groups and applications of users stay as they are.\n"), "{change}: {told}");
        assert!(told.contains("Other authorizations whose access tokens would be refused: 1.\n"), "{change}: {told}");
    }
    let told = run(&["client", "edit", "web", "--name", "The web"]);
    assert!(told.contains("stay as they are.\n") && !told.to_lowercase().contains("authorizations"), "{told}");
    assert_eq!(app.count("SELECT count(*) FROM authorizations WHERE ended_at IS NULL").await, 1, "nothing of it is kept");
}
