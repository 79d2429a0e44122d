//! Nobody is offered what would be refused: as each kind of administrator, a walk over all pages follows every link and sends every form.

use std::collections::{BTreeMap, BTreeSet};

use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::roles::{self, NewRole, RolePatch};
use signet_issuer::admin::users;

use crate::pages::admin_clients::values;
use crate::support::{Answer, Browser, TestApp};

/// Returns an issuer with one of everything, and a user for each scope of administration.
pub async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_web().await.with_user("alice").await;
    app.operate(|change| {
        Box::pin(async move {
            for (role, scope) in [("desk", "admin:users"), ("reader", "admin:read")] {
                roles::add(change, NewRole::check(role, &[scope.to_owned()])?).await?;
            }
            roles::edit(change, "clerk", RolePatch { delegated: Some(true), ..RolePatch::default() }).await?;
            for (name, delegated) in [("staff", true), ("board", false)] {
                groups::add(change, GroupDraft { name: name.to_owned(), delegated, ..GroupDraft::default() }).await?;
                groups::change_members(change, name, &["alice".to_owned()], &[]).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    for (user, role) in [("boss", "admin"), ("reader", "reader"), ("helper", "desk")] {
        app.add_user(user, &[role]).await;
    }
    app.code_flow(&app.browser(), &[("scope", "openid profile orders:read")]).await;
    app.sign_in("alice", "openid").await;
    for username in ["nobody", "alice"] {
        app.try_password(username, "wrong", "openid").await;
    }
    app
}

/// Returns the paths of the administration to which `page` links.
fn links(page: &Answer) -> BTreeSet<String> {
    let plain = page.text.replace("&#38;", "&");
    plain
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .filter(|link| link.starts_with("/admin"))
        .collect()
}

/// A form: its path, whether it is posted, and its fields as a browser would send them without anything being typed.
type Form = (String, bool, Vec<(String, String)>);

/// Returns the forms of `page` that stay in the administration.
fn forms(page: &Answer) -> Vec<Form> {
    let mut found = Vec::new();
    for form in page.text.split("<form").skip(1) {
        let tag = form.split('>').next().unwrap();
        let action = tag.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        if action.starts_with("/admin") {
            let alone =
                Answer { text: format!("<form{form}"), status: page.status, headers: page.headers.clone(), json: page.json.clone() };
            let fields = values(&alone, &action);
            found.push((action, tag.contains("\"post\""), fields));
        }
    }
    found
}

/// What a walk saw: the paths of all pages, the forms by path and action, and the commands at the feet of the pages by path and form.
#[derive(Default)]
pub struct Seen {
    pages: BTreeSet<String>,
    forms: BTreeSet<String>,
    pub commands: BTreeMap<String, String>,
}

/// Returns the line at the foot of a page that does the same from a shell.
pub fn command(page: &Answer) -> Option<String> {
    let line = page.text.split("From a shell: <code>").nth(1)?.split("</code>").next()?;
    Some(line.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&"))
}

/// Keeps the command of `page`. Files, and pages that only say what went wrong, have none.
fn keep_command(commands: &mut BTreeMap<String, String>, name: &str, page: &Answer) {
    if page.text.contains("aria-label=\"Administration\"") {
        let line = command(page).unwrap_or_else(|| panic!("{name} shows no command: {}", page.text));
        commands.insert(name.to_owned(), line);
    }
}

/// Walks over all pages, following every link and sending every form once. What a form does may make pages go away, but none may be
/// refused for a lack of rights.
pub async fn walk(browser: &Browser) -> Seen {
    let (mut seen, mut waiting) = (Seen::default(), BTreeSet::from(["/admin".to_owned()]));
    let mut late = Vec::new();
    while let Some(path) = waiting.pop_first() {
        if !seen.pages.insert(path.clone()) {
            continue;
        }
        let page = browser.get(&path).await;
        assert!(page.status == 200, "{path}: {} {}", page.status, page.heading());
        waiting.extend(links(&page));
        keep_command(&mut seen.commands, &path, &page);
        for (action, is_post, fields) in forms(&page) {
            let about = fields.iter().find(|(name, _)| name == "action").map_or("", |(_, value)| value.as_str()).to_owned();
            if !is_post {
                let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
                let answer = browser.get(&format!("{action}?{query}")).await;
                assert!([200, 400].contains(&answer.status), "{action}?{query}: {}", answer.status);
                keep_command(&mut seen.commands, &format!("{action}?{query}"), &answer);
            } else if seen.forms.insert(format!("{action} {about}")) {
                late.push((action, fields));
            }
        }
    }
    // Only now, because these change what the pages show.
    for (action, fields) in late {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = browser.post(&action, &fields).await;
        assert_ne!(answer.status, 403, "{action} {fields:?}: {}", answer.text);
        assert!(answer.status < 500, "{action} {fields:?}: {}", answer.text);
        let about = fields.iter().find(|(name, _)| *name == "action").map_or("", |(_, value)| value);
        keep_command(&mut seen.commands, &format!("POST {action} {about}"), &answer);
    }
    seen
}

fn sees(seen: &Seen, path: &str) -> bool {
    seen.pages.contains(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_offered_what_is_refused() {
    let app = app().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!(alice.groups.len(), 2);

    let helper = walk(&app.signed_in("helper").await).await;
    for path in ["/admin/users/alice/edit", "/admin/users/alice/roles", "/admin/groups/staff/members", "/admin/audit?by=user&value=alice"] {
        assert!(sees(&helper, path), "{path}: {:#?}", helper.pages);
    }
    for path in ["/admin/audit", "/admin/clients", "/admin/clients/web", "/admin/keys", "/admin/sessions", "/admin/users/new"] {
        assert!(!sees(&helper, path), "{path}");
    }
    // The help desk is not led to what it may not change: a group that is not delegated, and administrators.
    for path in ["/admin/groups/board/members", "/admin/groups/staff/edit", "/admin/users/boss/edit", "/admin/users/reader/roles"] {
        assert!(!sees(&helper, path), "{path}");
        let page = app.signed_in("helper").await.get(path).await;
        assert_eq!((page.status, page.heading()), (403, "You may not do this"), "{path}: no form that could only be refused");
    }
    assert!(sees(&helper, "/admin/groups/board") && sees(&helper, "/admin/users/boss"));
    assert!(
        helper.forms.contains("/admin/users/alice end-sessions") && helper.forms.contains("/admin/users/alice link"),
        "{:?}",
        helper.forms
    );
    assert!(!helper.forms.iter().any(|form| form.starts_with("/admin/users/boss") || form.contains("disable")), "{:?}", helper.forms);

    let reader = walk(&app.signed_in("reader").await).await;
    for path in
        ["/admin/audit", "/admin/clients/web", "/admin/clients/web/try", "/admin/clients/web/access", "/admin/keys", "/admin/sessions"]
    {
        assert!(sees(&reader, path), "{path}: {:#?}", reader.pages);
    }
    assert!(!reader.pages.iter().any(|path| path.ends_with("/edit") || path.ends_with("/new")), "{:#?}", reader.pages);
    assert!(reader.forms.is_empty(), "whoever only reads is shown no form that is posted: {:?}", reader.forms);

    let boss = walk(&app.signed_in("boss").await).await;
    for path in ["/admin/users/new", "/admin/groups/board/members", "/admin/clients/web/secret", "/admin/keys", "/admin/audit/1"] {
        assert!(sees(&boss, path), "{path}: {:#?}", boss.pages);
    }
    for form in ["/admin/users/helper delete", "/admin/keys rotate", "/admin/clients/web disable", "/admin/groups/board remove"] {
        assert!(boss.forms.contains(form), "{form}: {:#?}", boss.forms);
    }
    assert!(boss.pages.is_superset(&reader.pages) && boss.pages.len() > reader.pages.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_is_refused_by_the_same_list() {
    let app = app().await;
    let boss = app.signed_in("boss").await;
    let (helper, reader) = (app.signed_in("helper").await, app.signed_in("reader").await);
    for path in
        ["/admin/audit", "/admin/audit/1", "/admin/audit/download?format=csv", "/admin/clients/web", "/admin/keys", "/admin/users/new"]
    {
        assert_eq!((boss.get(path).await.status, helper.get(path).await.status), (200, 403), "{path}");
    }
    for path in ["/admin/users/alice/edit", "/admin/clients/web/secret", "/admin/clients/web/claim", "/admin/groups/new"] {
        assert_eq!((boss.get(path).await.status, reader.get(path).await.status), (200, 403), "{path}");
        let slash = format!("{path}/");
        assert_eq!(reader.get(&slash).await.status, 403, "{slash}");
    }
    let csrf = |page: &Answer| page.hidden("/admin/users/alice").into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let csrf = csrf(&helper.get("/admin/users/alice").await);
    for (path, action) in
        [("/admin/users/alice", "disable"), ("/admin/clients/web", "remove"), ("/admin/keys", "rotate"), ("/admin/users/new", "")]
    {
        let refused = helper.post(path, &[("csrf", csrf.as_str()), ("action", action)]).await;
        assert_eq!(refused.status, 403, "{path} {action}: {}", refused.text);
    }
    let unknown = helper.post("/admin/users/alice", &[("csrf", csrf.as_str()), ("action", "nonsense")]).await;
    assert!(unknown.heading() != "You may not do this", "{}", unknown.text);
    assert!(users::show(&app.reading(), "alice").await.unwrap().enabled);
}

/// Returns the names in the boxes by which rows of the list of users are chosen.
fn boxes(page: &Answer) -> BTreeSet<&str> {
    page.text.split("name=\"user.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_chooses_only_users_and_groups_that_it_may_change() {
    let app = app().await;
    // Whoever administers by a group is out of bounds, too.
    app.add_user("deputy", &[]).await;
    app.operate(|change| {
        Box::pin(async move {
            let draft = GroupDraft { name: "deputies".to_owned(), roles: vec!["admin".to_owned()], ..GroupDraft::default() };
            groups::add(change, draft).await?;
            groups::change_members(change, "deputies", &["deputy".to_owned()], &[]).await
        })
    })
    .await
    .unwrap();
    let helper = app.signed_in("helper").await;
    let list = helper.get("/admin/users").await;
    assert_eq!(boxes(&list), BTreeSet::from(["alice"]), "{}", list.text);
    assert!(list.text.contains("Those without a box hold a scope of administration"), "{}", list.text);
    assert!(list.text.contains("<option value=\"staff\">") && !list.text.contains("<option value=\"board\">"), "{}", list.text);
    let csrf = list.hidden("/account/sign-out").remove(0).1;
    let choose = async |name: &str| {
        let fields = [("csrf", csrf.as_str()), ("action", "add-to-group"), (name, "true"), ("group", "staff")];
        helper.post("/admin/users", &fields).await
    };
    let asked = choose("user.alice").await;
    assert_eq!((asked.status, asked.heading()), (200, "Add alice to the group staff?"), "{}", asked.text);
    let refused = choose("user.reader").await;
    assert!(refused.status == 400 && refused.text.contains("only an administrator may act on a user"), "{}", refused.text);
    assert_eq!(groups::members(&app.reading(), "staff", &app.window()).await.unwrap().items.len(), 1);
    let roles = helper.get("/admin/users/alice/roles").await;
    assert!(roles.text.contains("The help desk gives and takes these roles: clerk."), "{}", roles.text);
    let members = helper.get("/admin/groups/staff/members").await;
    assert!(members.text.contains("Only an administrator may add or take out users who hold a scope"), "{}", members.text);
    let board = helper.get("/admin/groups/board").await;
    assert!(board.text.contains("Only an administrator may change them."), "{}", board.text);

    // An administrator chooses everybody. Whoever only reads chooses nobody.
    let all = app.signed_in("boss").await.get("/admin/users").await;
    assert!(boxes(&all).contains("reader") && !all.text.contains("without a box"), "{}", all.text);
    assert!(boxes(&app.signed_in("reader").await.get("/admin/users").await).is_empty());

    // Once nothing is delegated, the forms for it are gone.
    app.operate(|change| {
        Box::pin(async move {
            roles::edit(change, "clerk", RolePatch { delegated: Some(false), ..RolePatch::default() }).await?;
            groups::edit(change, "staff", GroupPatch { delegated: Some(false), ..GroupPatch::default() }).await
        })
    })
    .await
    .unwrap();
    let list = helper.get("/admin/users").await;
    assert!(boxes(&list).is_empty() && !list.text.contains("Add to the group"), "{}", list.text);
    let page = helper.get("/admin/users/alice").await;
    assert!(page.text.contains("/admin/users/alice/edit") && !page.text.contains("/admin/users/alice/roles"), "{}", page.text);
    let roles = helper.get("/admin/users/alice/roles").await;
    assert!(roles.status == 403 && roles.text.contains("No role is delegated to the help desk"), "{}", roles.text);
    walk(&helper).await;

    let db = app.plans().await;
    signet_issuer::store::roles::delegated(&db, 100).await.unwrap();
    db.assert_reads("roles_delegated");
    signet_issuer::store::groups::delegated(&db, 100).await.unwrap();
    db.assert_reads("groups_delegated");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_button_does_what_is_always_refused() {
    let app = app().await;
    let boss = app.signed_in("boss").await;
    let role = boss.get("/admin/roles/admin").await;
    assert!(role.text.contains("Change the role") && !role.text.contains("Remove the role"), "{}", role.text);
    assert!(boss.get("/admin/roles/clerk").await.text.contains("Remove the role"));
    app.add_client_with("signer", false, "client_credentials", &["orders:read"], |draft| {
        draft.token_endpoint_auth_method = Some("private_key_jwt".to_owned());
        draft.metadata.jwks_uri = Some("https://signer.example/jwks.json".to_owned());
    })
    .await;
    let signer = boss.get("/admin/clients/signer").await;
    assert!(signer.status == 200 && !signer.text.contains("Give it a new secret"), "{}", signer.text);
    assert!(boss.get("/admin/clients/web").await.text.contains("Give it a new secret"));
}
