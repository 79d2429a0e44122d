//! Clients get claims from groups, roles, attributes and fields of the user, where and in the shape that an administrator chose.

use serde_json::{Value, json};
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::trial::{self, TrialRequest};
use signet_issuer::admin::{Refused, client_claims};
use signet_issuer::oauth::token_claim::TokenClaim;

use crate::interaction::app;
use crate::support::{Answer, ORDERS, SECRET, TestApp, claims};
use crate::tokens::verify;

async fn with_groups(app: TestApp) -> TestApp {
    for (name, roles) in [("platform", vec!["clerk".to_owned()]), ("on-call", vec![]), ("app-grafana", vec![])] {
        let draft = GroupDraft { name: name.to_owned(), roles, ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
        let alice = ["alice".to_owned()];
        app.operate(|change| Box::pin(groups::change_members(change, name, &alice, &[]))).await.unwrap();
    }
    for (name, kind, multi, mutability) in
        [("department", "string", 0, "admin"), ("floor", "number", 0, "admin"), ("lang", "string", 1, "user")]
    {
        let values =
            format!("'{name}', '{name}', '{kind}', {}, '{mutability}', 'user', NULL, 0, 0", if multi == 1 { "TRUE" } else { "FALSE" });
        app.sql(&format!(
            "INSERT INTO attributes (name, display_name, type, multi_valued, mutability, visibility, scope, version, created_at) VALUES ({values})"
        ))
        .await;
    }
    for (name, position, value) in [("department", 0, "sales"), ("floor", 0, "4"), ("lang", 0, "de"), ("lang", 1, "en")] {
        app.sql(&format!(
            "INSERT INTO user_attributes SELECT id, '{name}', {position}, '{value}', FALSE FROM users WHERE username = 'alice'"
        ))
        .await;
    }
    app
}

/// Refreshes the tokens of the client `web`.
async fn refresh(app: &TestApp, tokens: &Answer) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))];
    app.post("/token").basic_auth("web", SECRET).form(&form).send().await
}

/// Gives the client `web` a claim in both places; returns the refusal as a text.
async fn put(app: &TestApp, claim: &str, source: Value, shape: &str) -> Result<(), String> {
    let mut object = source;
    object["claim"] = json!(claim);
    object["shape"] = json!(shape);
    object["in_id_token"] = json!(true);
    object["in_userinfo"] = json!(true);
    let claim = serde_json::from_value(object).unwrap();
    match app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await {
        Ok(_) => Ok(()),
        Err(Refused::Invalid(faults)) => Err(faults[0].to_string()),
        Err(other) => Err(other.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_and_shape_reaches_the_id_token_userinfo_and_the_refreshed_id_token() {
    let app = with_groups(app().await).await;
    app.sql("UPDATE clients SET group_filter = 'all' WHERE id = 'web'").await;
    let map =
        json!({ "source": "group_map", "map": [{ "group": "on-call", "value": "Editor" }, { "group": "platform", "value": "Admin" }] });
    let nobody = json!({ "source": "group_map", "map": [{ "group": "app-none", "value": "x" }], "default": "Viewer" });
    app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: "app-none".to_owned(), ..GroupDraft::default() }))).await.unwrap();
    let cases = [
        ("groups", json!({ "source": "groups" }), "list", json!(["app-grafana", "on-call", "platform"])),
        ("all.groups", json!({ "source": "groups" }), "comma", json!("app-grafana,on-call,platform")),
        ("roles", json!({ "source": "roles" }), "list", json!(["clerk"])),
        ("role", json!({ "source": "roles" }), "first", json!("clerk")),
        ("policy", map.clone(), "first", json!("Editor")),
        ("policies", map, "space", json!("Editor Admin")),
        ("level", nobody, "first", json!("Viewer")),
        ("dept", json!({ "source": "attribute", "attribute": "department" }), "first", json!("sales")),
        ("floor", json!({ "source": "attribute", "attribute": "floor" }), "first", json!(4)),
        ("langs", json!({ "source": "attribute", "attribute": "lang" }), "list", json!(["de", "en"])),
        ("login", json!({ "source": "user", "field": "username" }), "first", json!("alice")),
        ("email", json!({ "source": "user", "field": "email" }), "first", json!("alice@example.com")),
        ("https://acme.example/tier", json!({ "source": "fixed", "value": { "tier": [1, 2] } }), "first", json!({ "tier": [1, 2] })),
    ];
    for (claim, source, shape, _) in &cases {
        put(&app, claim, source.clone(), shape).await.unwrap();
    }
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
    let refreshed = refresh(&app, &tokens).await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
    for (place, told) in
        [("ID token", claims(tokens.str("id_token"))), ("refreshed", claims(refreshed.str("id_token"))), ("UserInfo", userinfo)]
    {
        for (claim, _, _, expected) in &cases {
            assert_eq!(told[*claim], *expected, "{claim} in the {place}");
        }
    }
    assert!(claims(tokens.str("access_token")).get("groups").is_none(), "an access token has the claims of its resource alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_mislead_an_application_is_refused() {
    let app = with_groups(app().await).await;
    for name in ["iss", "sub", "aud", "exp", "nonce", "sid", "scope", "client_id", "grant_id", "", "two words", "ä"] {
        assert!(put(&app, name, json!({ "source": "groups" }), "list").await.is_err(), "{name}");
    }
    for name in ["groups", "roles", "email", "email_verified", "preferred_username"] {
        for source in [
            json!({ "source": "fixed", "value": "admin" }),
            json!({ "source": "attribute", "attribute": "lang" }),
            json!({ "source": "user", "field": "nickname" }),
        ] {
            assert!(put(&app, name, source, "first").await.unwrap_err().contains("another name"), "{name}");
        }
    }
    assert!(put(&app, "uid", json!({ "source": "user", "field": "sub" }), "first").await.is_ok(), "sub may be copied");
    assert!(
        put(&app, "x", json!({ "source": "attribute", "attribute": "none" }), "first").await.unwrap_err().contains("declared attribute")
    );
    assert!(put(&app, "x", json!({ "source": "user", "field": "password_hash" }), "first").await.unwrap_err().contains("username"));
    let unknown = json!({ "source": "group_map", "map": [{ "group": "none", "value": "x" }] });
    assert!(put(&app, "x", unknown, "first").await.unwrap_err().contains("there is no group none"));
    assert!(put(&app, "x", json!({ "source": "fixed", "value": "x".repeat(1025) }), "first").await.unwrap_err().contains("1024 bytes"));
    // An attribute that people may edit only after the claim was set is not told either.
    put(&app, "roles", json!({ "source": "attribute", "attribute": "department" }), "first").await.unwrap();
    app.sql("UPDATE attributes SET mutability = 'user' WHERE name = 'department'").await;
    // Nor does a row that came in by another way replace a claim of the protocol.
    app.sql("UPDATE client_claims SET claim = 'aud', source = 'fixed', map = '\"other\"' WHERE claim = 'uid'").await;
    let tokens = app.code_flow(&app.signed_in("alice").await, &[("scope", "openid")]).await;
    let told = claims(tokens.str("id_token"));
    assert_eq!((told.get("roles"), told["aud"].as_str()), (None, Some("web")));
}

/// Each source of a claim with each claim that applications trust: it is refused unless it holds what the claim is named after, and nothing
/// that is the same for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_applications_trust_holds_only_what_it_is_named_after() {
    let app = with_groups(app().await).await;
    let map = json!([{ "group": "platform", "value": "admins" }]);
    let (groups, email) = (&["groups", "roles"][..], &["email", "email_verified", "preferred_username"][..]);
    let all = [groups, email].concat();
    let sources = [
        (json!({ "source": "groups" }), groups),
        (json!({ "source": "roles" }), groups),
        (json!({ "source": "group_map", "map": map }), groups),
        (json!({ "source": "group_map", "map": map, "default": "admins" }), &[]),
        (json!({ "source": "group_map", "map": map, "default": true }), &[]),
        (json!({ "source": "attribute", "attribute": "department" }), &all),
        (json!({ "source": "attribute", "attribute": "lang" }), &[]),
        (json!({ "source": "user", "field": "email" }), &["email"]),
        (json!({ "source": "user", "field": "email_verified" }), &["email_verified"]),
        (json!({ "source": "user", "field": "username" }), &["preferred_username"]),
        (json!({ "source": "user", "field": "preferred_username" }), &["preferred_username"]),
        (json!({ "source": "user", "field": "name" }), &[]),
        (json!({ "source": "fixed", "value": "admins" }), &[]),
        (json!({ "source": "fixed", "value": true }), &[]),
    ];
    app.add_user("boss", &["admin"]).await;
    let (token, boss) = (app.token_of("boss", "admin").await, app.signed_in("boss").await);
    for (source, may_become) in &sources {
        for claim in &all {
            let refused = put(&app, claim, source.clone(), "first").await.err();
            assert_eq!(refused.is_none(), may_become.contains(claim), "{claim} from {source}: {refused:?}");
            // REST says the same, and its pointer names the member at fault.
            let mut body = json!({ "claim": claim, "shape": "first", "in_id_token": true, "in_userinfo": true });
            body.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
            let version = app.call("GET", "/clients/web/claims", &token, None, None).await.header("etag").to_owned();
            let answer = app.call("PUT", &format!("/clients/web/claims/{claim}"), &token, Some(&version), Some(body)).await;
            assert_eq!(answer.status == 200, may_become.contains(claim), "{claim} from {source}: {}", answer.text);
            assert!(answer.status == 200 || answer.text.contains("applications trust this claim"), "{}", answer.text);
        }
    }
    // The page says it beside the field.
    let page = boss.get("/admin/clients/web/claim").await;
    let typed = [
        ("claim", "groups"),
        ("source", "group_map"),
        ("map", "platform=admins"),
        ("default", "admins"),
        ("shape", "list"),
        ("in_id_token", "true"),
    ];
    let answer = boss.submit(&page, "/admin/clients/web/claim", &typed).await;
    assert!(answer.text.contains("applications trust this claim, so it must not be the same for everybody"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_groups_passes_the_filter_of_the_client() {
    let app = with_groups(app().await).await;
    app.sql("INSERT INTO client_scopes VALUES ('web', 'groups'), ('web', 'roles')").await;
    app.sql("INSERT INTO client_groups SELECT 'web', id FROM groups WHERE name = 'on-call'").await;
    let browser = app.signed_in("alice").await;
    for (filter, prefix, expected) in [
        ("assigned", "", json!(["on-call"])),
        ("prefix", "app-", json!(["app-grafana"])),
        ("all", "", json!(["app-grafana", "on-call", "platform"])),
    ] {
        for in_id_token in [false, true] {
            app.sql(&format!("UPDATE clients SET group_filter = '{filter}', group_prefix = '{prefix}', id_token_claims = {in_id_token}"))
                .await;
            let tokens = app.code_flow(&browser, &[("scope", "openid email groups roles")]).await;
            let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
            assert_eq!((&userinfo["groups"], &userinfo["roles"]), (&expected, &json!(["clerk"])), "{filter}");
            let id = claims(tokens.str("id_token"));
            let told = in_id_token.then_some(&expected);
            assert_eq!((id.get("groups"), id.get("email").is_some()), (told, in_id_token), "{filter}");
        }
    }
    // A client that registered itself gets none of them, until an administrator allows it.
    app.sql("UPDATE clients SET claims_allowed = FALSE WHERE id = 'web'").await;
    put(&app, "team", json!({ "source": "groups" }), "list").await.unwrap();
    let tokens = app.code_flow(&browser, &[("scope", "openid email groups roles")]).await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
    assert_eq!((userinfo.get("groups"), userinfo.get("roles"), userinfo.get("team")), (None, None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_adds_groups_and_its_roles_to_its_access_tokens() {
    let app = with_groups(app().await).await;
    app.add_user("carol", &["clerk", "admin"]).await;
    let patch =
        ResourcePatch { token_claims: Some(TokenClaim::ALL.to_vec()), group_prefix: Some("o".to_owned()), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
    let alice = app.sign_in("alice", "openid orders:read").await;
    let told = verify(&app, ORDERS, false, alice.str("access_token")).await.unwrap();
    assert_eq!((told.groups.as_slice(), told.roles.as_slice()), (["on-call".to_owned()].as_slice(), ["clerk".to_owned()].as_slice()));
    assert!(told.is_in_group("on-call") && told.has_role("clerk") && !told.has_role("admin"));
    let carol = app.sign_in("carol", "orders:read").await;
    let told = verify(&app, ORDERS, false, carol.str("access_token")).await.unwrap();
    assert_eq!(
        (told.groups.len(), told.roles.as_slice()),
        (0, ["clerk".to_owned()].as_slice()),
        "the role admin has no scope of this resource"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_too_long_are_refused_and_nothing_is_spent() {
    let app = with_groups(app().await).await;
    let browser = app.signed_in("alice").await;
    let values = async |value: &str| {
        for number in 0..7 {
            put(&app, &format!("long{number}"), json!({ "source": "fixed", "value": value }), "first").await.unwrap();
        }
    };
    values("x").await;
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
    values(&"x".repeat(1000)).await;
    let refused = refresh(&app, &tokens).await;
    assert_eq!(refused.error(), (400, "invalid_scope"));
    assert!(refused.str("error_description").contains("6144"), "{}", refused.text);
    let answer = browser.get(&app.authorize(&[("scope", "openid orders:read"), ("prompt", "none")])).await.reply();
    assert_eq!(answer["error"], "access_denied", "{answer:?}");
    app.operate(|change| Box::pin(client_claims::remove(change, "web", "long0"))).await.unwrap();
    app.operate(|change| Box::pin(client_claims::remove(change, "web", "long1"))).await.unwrap();
    assert_eq!(refresh(&app, &tokens).await.status, 200, "the refused refresh spent nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_names_the_values_and_more_claims_ask_again() {
    let app = with_groups(app().await).await;
    app.sql("UPDATE clients SET group_filter = 'all' WHERE id = 'web'").await;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[("scope", "openid")]).await;
    let silent = [("scope", "openid"), ("prompt", "none")];
    assert!(browser.get(&app.authorize(&silent)).await.reply().contains_key("code"));
    put(&app, "groups", json!({ "source": "groups" }), "list").await.unwrap();
    assert_eq!(browser.get(&app.authorize(&silent)).await.reply()["error"], "consent_required");
    let page = browser.get(&app.authorize(&[("scope", "openid")])).await;
    assert!(page.text.contains("Groups") && page.text.contains("app-grafana, on-call, platform"), "{}", page.text);
    browser.consent(&page).await;
    assert!(browser.get(&app.authorize(&silent)).await.reply().contains_key("code"));
    // Other values of the same claims do not ask again.
    let alice = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "on-call", &[], &alice))).await.unwrap();
    assert!(browser.get(&app.authorize(&silent)).await.reply().contains_key("code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_added_later_is_told_only_after_the_user_was_asked() {
    let app = with_groups(app().await).await;
    let browser = app.signed_in("alice").await;
    let fixed = |value: &str| json!({ "source": "fixed", "value": value });
    put(&app, "plan", fixed("gold"), "first").await.unwrap();
    let scope = [("scope", "openid email")];
    let tokens = app.code_flow(&browser, &scope).await;
    put(&app, "late", json!({ "source": "user", "field": "email" }), "first").await.unwrap();
    // A claim of the client in place of one that the scope gives needs consent, too. Until then the scope gives its own.
    put(&app, "email", json!({ "source": "attribute", "attribute": "department" }), "first").await.unwrap();
    // Another value of a claim that the user has consented to is told at once.
    put(&app, "plan", fixed("silver"), "first").await.unwrap();
    let told = async |tokens: &Answer| {
        let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
        [claims(tokens.str("id_token")), userinfo]
    };
    let refreshed = refresh(&app, &tokens).await;
    for tokens in [&tokens, &refreshed] {
        let [id, userinfo] = told(tokens).await;
        assert_eq!((id.get("late"), userinfo.get("late")), (None, None), "{id} {userinfo}");
        assert_eq!(userinfo["email"], "alice@example.com", "{userinfo}");
        assert_eq!(userinfo["plan"], "silver", "{userinfo}");
    }
    assert_eq!(told(&refreshed).await[0]["plan"], "silver");
    let request =
        TrialRequest { client_id: "web".to_owned(), username: "alice".to_owned(), scope: Some("openid email".to_owned()), resource: None };
    let missing = async || {
        let tried = trial::run(&app.reading(), &request).await.unwrap();
        let late = tried.places.iter().filter_map(|place| place.claims.iter().find(|told| told.claim == "late").cloned());
        late.map(|told| (told.value.is_some(), told.missing)).collect::<Vec<_>>()
    };
    for (has_value, reason) in missing().await {
        assert!(!has_value && reason.unwrap().contains("has allowed the client less than this"), "{reason:?}");
    }
    // A first-party client asks nobody.
    app.sql("UPDATE clients SET first_party = TRUE WHERE id = 'web'").await;
    assert_eq!(told(&refreshed).await[1]["late"], "alice@example.com");
    app.sql("UPDATE clients SET first_party = FALSE WHERE id = 'web'").await;
    // The next request asks, and the answer counts for the earlier authorization, too.
    browser.consent(&browser.get(&app.authorize(&scope)).await).await;
    let again = refresh(&app, &refreshed).await;
    let [id, userinfo] = told(&again).await;
    assert_eq!((&id["late"], &userinfo["late"]), (&json!("alice@example.com"), &json!("alice@example.com")), "{id} {userinfo}");
    assert_eq!((&id["email"], &userinfo["email"]), (&json!("sales"), &json!("sales")));
    assert_eq!(missing().await, [(true, None), (true, None)]);
    // Somebody who has never signed in to the client would be asked for everything.
    let tried = trial::run(&app.reading(), &TrialRequest { username: "bob".to_owned(), ..request }).await.unwrap();
    assert!(tried.places[0].claims.iter().any(|told| told.claim == "late" && told.value.is_some()), "{tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_would_be_read_as_several_is_left_out_of_a_joined_claim() {
    let app = with_groups(app().await).await;
    app.sql("UPDATE clients SET group_filter = 'all' WHERE id = 'web'").await;
    let alice = ["alice".to_owned()];
    for name in ["all\u{a0}admins", "not admins"] {
        app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: name.to_owned(), ..GroupDraft::default() }))).await.unwrap();
        app.operate(|change| Box::pin(groups::change_members(change, name, &alice, &[]))).await.unwrap();
    }
    app.sql("UPDATE user_attributes SET value = 'de, admins' WHERE name = 'lang' AND position = 0").await;
    app.sql("UPDATE user_attributes SET value = 'human resources' WHERE name = 'department'").await;
    let map =
        json!({ "source": "group_map", "map": [{ "group": "on-call", "value": "read write" }, { "group": "platform", "value": "Admin" }] });
    let cases = [
        ("spaced", json!({ "source": "groups" }), "space", json!("app-grafana on-call platform")),
        ("commas", json!({ "source": "groups" }), "comma", json!("all\u{a0}admins,app-grafana,not admins,on-call,platform")),
        ("langs", json!({ "source": "attribute", "attribute": "lang" }), "comma", json!("en")),
        ("lang", json!({ "source": "attribute", "attribute": "lang" }), "first", json!("de, admins")),
        ("dept", json!({ "source": "attribute", "attribute": "department" }), "space", Value::Null),
        ("depts", json!({ "source": "attribute", "attribute": "department" }), "comma", json!("human resources")),
        ("person", json!({ "source": "user", "field": "username" }), "space", json!("alice")),
        ("policies", map, "space", json!("read write Admin")),
    ];
    for (claim, source, shape, _) in &cases {
        put(&app, claim, source.clone(), shape).await.unwrap();
    }
    let tokens = app.code_flow(&app.signed_in("alice").await, &[("scope", "openid")]).await;
    let id = claims(tokens.str("id_token"));
    for (claim, _, _, expected) in &cases {
        assert_eq!(id.get(*claim).unwrap_or(&Value::Null), expected, "{claim}");
    }
    let request =
        TrialRequest { client_id: "web".to_owned(), username: "alice".to_owned(), scope: Some("openid".to_owned()), resource: None };
    let tried = trial::run(&app.reading(), &request).await.unwrap();
    let find = |claim: &str| tried.places[0].claims.iter().find(|told| told.claim == claim).unwrap();
    assert_eq!(find("spaced").left_out, ["all\u{a0}admins", "not admins"]);
    assert_eq!((find("langs").left_out.as_slice(), find("commas").left_out.len()), (&["de, admins".to_owned()][..], 0));
    assert!(find("dept").missing.unwrap().contains("each value holds the character that separates"), "{:?}", find("dept"));
    // Each origin names its field, attribute or groups.
    for (claim, origin) in [
        ("spaced", "the groups of the user"),
        ("langs", "the attribute lang"),
        ("person", "the field username of the user"),
        ("policies", "the group map: on-call, platform"),
    ] {
        assert_eq!(find(claim).origin, format!("claim of the client, from {origin}"));
    }
    app.add_user("boss", &["admin"]).await;
    let page = app.signed_in("boss").await.get("/admin/clients/web/try?user=alice&scope=openid").await;
    assert!(
        page.text.contains(
            "left out, because the character that separates the values is in them: &#34;all\u{a0}admins&#34;, &#34;not admins&#34;"
        ),
        "{}",
        page.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_tells_what_the_tokens_would_and_why_the_rest_is_missing() {
    let app = with_groups(app().await).await;
    put(&app, "policy", json!({ "source": "group_map", "map": [{ "group": "platform", "value": "readwrite" }] }), "first").await.unwrap();
    let request = TrialRequest {
        client_id: "web".to_owned(),
        username: "Alice".to_owned(),
        scope: Some("openid email phone orders:read orders:write groups".to_owned()),
        resource: None,
    };
    app.change_clerk(&[], &["orders:write"]).await;
    let tried = trial::run(&app.reading(), &request).await.unwrap();
    let missing: Vec<(&str, bool)> = tried.scopes.iter().map(|scope| (scope.scope.as_str(), scope.missing.is_some())).collect();
    assert_eq!(
        missing,
        [("email", false), ("groups", true), ("openid", false), ("orders:read", false), ("orders:write", true), ("phone", false)]
    );
    let place = |name: &str| tried.places.iter().find(|place| place.place == name).unwrap();
    let find = |of: &str, claim: &str| place(of).claims.iter().find(|told| told.claim == claim).cloned();
    assert_eq!(find("ID token", "policy").unwrap().value, Some(json!("readwrite")));
    assert_eq!(find("UserInfo", "phone_number").unwrap().missing, Some("the user has no value for it"));
    assert_eq!(find("UserInfo", "email").unwrap().origin, "scope email");
    // What was tried is what is told.
    let tokens = app.code_flow(&app.signed_in("alice").await, &[("scope", "openid email phone orders:read")]).await;
    let told = claims(tokens.str("id_token"));
    for claim in place("ID token").claims.iter().filter(|claim| claim.value.is_some()) {
        assert!(told.get(&claim.claim).is_some(), "{}", claim.claim);
    }
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json;
    let tried: serde_json::Map<String, Value> =
        place("UserInfo").claims.iter().filter_map(|told| Some((told.claim.clone(), told.value.clone()?))).collect();
    assert_eq!(userinfo, Value::from(tried));
    let unknown = TrialRequest { username: "nobody".to_owned(), ..request };
    assert!(matches!(trial::run(&app.reading(), &unknown).await, Err(Refused::Invalid(faults)) if faults[0].field == "username"));
}
