//! A request for tokens that races with a change that takes access away gets nothing of what was taken: it either runs again and sees the
//! change, or its tokens are revoked with the others.

use signet_issuer::admin::edit_client::{ClientEdit, ClientPatch, edit};
use signet_issuer::admin::edit_resource::{self, ResourcePatch, ScopesPatch};
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::resources::{self, ScopeView};
use signet_issuer::admin::{Change, clients, roles, users};
use signet_issuer::fetch::budget::Asker;
use signet_issuer::store::authorizations::{self, Advance, AuthorizationRow};
use signet_issuer::store::clients::Client;
use signet_issuer::store::commit;
use signet_issuer::store::users::User;
use uuid::Uuid;

use crate::support::{Answer, CALLBACK, ORDERS, PASSWORD, SECRET, TestApp, VERIFIER, at_once, real_time};

/// A way to take the scope `orders:write` from alice or from the client.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    ClientLosesScope,
    ClientDisabled,
    GroupLeft,
    GroupLosesRole,
    GroupRemoved,
    ResourceClosed,
    ResourceLosesScope,
    ResourceRemoved,
    RoleLosesScope,
    RoleRemoved,
    RoleTaken,
}

const WAYS: [Way; 11] = [
    Way::ClientLosesScope,
    Way::ClientDisabled,
    Way::GroupLeft,
    Way::GroupLosesRole,
    Way::GroupRemoved,
    Way::ResourceClosed,
    Way::ResourceLosesScope,
    Way::ResourceRemoved,
    Way::RoleLosesScope,
    Way::RoleRemoved,
    Way::RoleTaken,
];

impl Way {
    fn is_by_group(self) -> bool {
        matches!(self, Self::GroupLeft | Self::GroupLosesRole | Self::GroupRemoved)
    }

    async fn take(self, change: &mut Change<'_>, alice: Uuid) {
        let (packer, member) = (["packer".to_owned()], ["alice".to_owned()]);
        match self {
            Self::ClientLosesScope => {
                let patch = ClientPatch { scope: Patch::Set("openid orders:read".to_owned()), ..ClientPatch::default() };
                let edition = ClientEdit::prepare(change.app, patch, Asker::Operator).await.unwrap();
                edit(change, "all", edition, None).await.map(drop).unwrap();
            }
            Self::ClientDisabled => clients::set_enabled(change, "all", false).await.map(drop).unwrap(),
            Self::GroupLeft => groups::change_members(change, "team", &[], &member).await.map(drop).unwrap(),
            Self::GroupLosesRole => {
                let patch = GroupPatch { roles: Some(Vec::new()), ..GroupPatch::default() };
                groups::edit(change, "team", patch).await.map(drop).unwrap();
            }
            Self::GroupRemoved => groups::remove(change, "team").await.map(drop).unwrap(),
            Self::ResourceClosed => {
                let patch = ResourcePatch { open: Some(false), ..ResourcePatch::default() };
                edit_resource::edit(change, ORDERS, patch).await.map(drop).unwrap();
            }
            Self::ResourceLosesScope => {
                let scopes = Some(ScopesPatch::Some { put: Vec::new(), remove: vec!["orders:write".to_owned()] });
                let patch = ResourcePatch { scopes, ..ResourcePatch::default() };
                edit_resource::edit(change, ORDERS, patch).await.map(drop).unwrap();
            }
            Self::ResourceRemoved => resources::remove(change, ORDERS).await.map(drop).unwrap(),
            Self::RoleLosesScope => roles::change_scopes(change, "packer", &[], &["orders:write".to_owned()]).await.map(drop).unwrap(),
            Self::RoleRemoved => roles::remove(change, "packer").await.map(drop).unwrap(),
            Self::RoleTaken => users::change_roles(change, alice, &[], &packer).await.map(drop).unwrap(),
        }
    }
}

/// An issuer whose user alice may write orders by the role `packer`, and whose client `all` has every grant for users.
async fn house(way: Way) -> (TestApp, Uuid) {
    let app = TestApp::new().await.with_orders().await;
    app.change_clerk(&[], &["orders:write"]).await;
    let packer = roles::NewRole::check("packer", &["orders:write".to_owned()]).unwrap();
    app.operate(|change| Box::pin(roles::add(change, packer))).await.unwrap();
    let alice = app.add_user("alice", if way.is_by_group() { &["clerk"] } else { &["clerk", "packer"] }).await;
    if way.is_by_group() {
        let draft = GroupDraft { name: "team".into(), roles: vec!["packer".into()], ..GroupDraft::default() };
        app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
        let member = ["alice".to_owned()];
        app.operate(|change| Box::pin(groups::change_members(change, "team", &member, &[]))).await.unwrap();
    }
    // A client of an open resource needs no registration for its scopes.
    let scopes: &[&str] = if way == Way::ResourceClosed { &["openid"] } else { &["openid", "orders:read", "orders:write"] };
    if way == Way::ResourceClosed {
        let patch = ResourcePatch { open: Some(true), ..ResourcePatch::default() };
        app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
    }
    app.add_client_with("all", false, "password refresh_token authorization_code", scopes, |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    app.add_client("service", false, "", &[]).await;
    (app, alice)
}

const SCOPE: &str = "openid orders:read orders:write";

async fn token(app: &TestApp, form: &[(&str, &str)]) -> Answer {
    app.post("/token").basic_auth("all", SECRET).form(form).send().await
}

async fn by_password(app: &TestApp) -> Answer {
    token(app, &[("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", SCOPE)]).await
}

/// Returns the authorization of `answer` with its user, and its client.
async fn parties(app: &TestApp) -> (AuthorizationRow, User, Client) {
    let client = app.app.store.client("all").await.unwrap().unwrap();
    let rows = authorizations::live(app.app.store.reader(), (None, Some("all")), app.clock_now(), 1_000_000, None, 1).await.unwrap();
    let (row, user) = app.app.store.authorization(rows[0].0.id).await.unwrap().unwrap();
    (row, user, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_had_read_what_is_taken_meanwhile_gives_none_of_it() {
    for way in WAYS {
        let (app, alice) = house(way).await;
        let before = by_password(&app).await;
        assert!(before.str("scope").contains("orders:write"), "{way:?}: {}", before.text);
        let browser = app.signed_in("alice").await;
        let code = browser.code(&app.authorize(&[("client_id", "all"), ("scope", SCOPE)])).await;
        let redeem = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", before.str("refresh_token"))];

        // The requests read what alice may do, and wait for the change when they write.
        let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
        way.take(&mut change, alice).await;
        let end = async {
            real_time(400).await;
            commit(change.transaction).await.unwrap();
        };
        let (password, code, refresh, ()) = tokio::join!(by_password(&app), token(&app, &redeem), token(&app, &refresh), end);

        for (grant, answer) in [("password", password), ("code", code), ("refresh", refresh)] {
            assert!(matches!(answer.status, 200 | 400 | 401), "{way:?} {grant}: {}", answer.text);
            if answer.status == 200 {
                let told = app.introspect("service", answer.str("access_token")).await;
                let may_write = told.json["active"] == true && told.text.contains("orders:write");
                assert!(!may_write, "{way:?} {grant}: {} {}", answer.text, told.text);
            }
            let goes_on = !matches!(way, Way::ClientDisabled | Way::ResourceClosed | Way::ResourceRemoved);
            if goes_on && grant != "refresh" {
                assert_eq!(
                    (answer.status, answer.json["scope"].as_str()),
                    (200, Some("openid orders:read")),
                    "{way:?} {grant}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_the_authorization_that_is_being_inserted_and_revokes_its_tokens() {
    for way in WAYS {
        let (app, alice) = house(way).await;
        assert_eq!(by_password(&app).await.status, 200);
        let (row, user, client) = parties(&app).await;
        let handle = vec![7; 16];
        let row = AuthorizationRow { id: Uuid::from_u128(7), grant_id: Some(handle.clone()), ..row };
        let transaction = app.app.store.begin().await.unwrap();
        assert!(authorizations::insert(&transaction, &row, &user, &client).await.unwrap(), "{way:?}");
        let changes = async {
            let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
            way.take(&mut change, alice).await;
            commit(change.transaction).await.unwrap();
        };
        let inserts = async {
            real_time(300).await;
            commit(transaction).await.unwrap();
        };
        tokio::join!(changes, inserts);
        let found = authorizations::of_grant(app.app.store.writer(), handle.clone()).await.unwrap();
        let refused = found.is_none_or(|(_, _, client)| !client.enabled);
        assert!(refused && app.count("SELECT count(*) FROM revocations WHERE length(grant_id) = 16").await > 0, "{way:?}");
        let again = AuthorizationRow { id: Uuid::from_u128(8), grant_id: Some(vec![8; 16]), ..row };
        let transaction = app.app.store.begin().await.unwrap();
        assert!(!authorizations::insert(&transaction, &again, &user, &client).await.unwrap(), "{way:?}: what was read is old");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_with_a_client_that_was_read_before_it_was_narrowed_runs_again() {
    for way in [Way::ClientLosesScope, Way::ResourceClosed, Way::ResourceLosesScope, Way::RoleRemoved] {
        let (app, alice) = house(way).await;
        assert_eq!(by_password(&app).await.status, 200);
        let client = app.app.store.client("all").await.unwrap().unwrap();
        let step = |row: &AuthorizationRow| Advance {
            id: row.id,
            from: row.generation,
            grant_id: row.grant_id.clone().unwrap(),
            client_grant_id: client.grant_id.clone(),
            access_changes: client.access_changes,
            now: app.clock_now(),
        };
        let (row, ..) = parties(&app).await;
        assert!(app.app.store.advance(step(&row)).await.unwrap());
        let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
        way.take(&mut change, alice).await;
        commit(change.transaction).await.unwrap();
        let (row, ..) = parties(&app).await;
        assert!(!app.app.store.advance(step(&row)).await.unwrap(), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_with_a_user_who_was_read_before_they_were_narrowed_runs_again() {
    for way in [Way::GroupLeft, Way::RoleLosesScope, Way::RoleTaken] {
        let (app, alice) = house(way).await;
        assert_eq!(by_password(&app).await.status, 200);
        let (row, _, client) = parties(&app).await;
        let step = |row: AuthorizationRow| Advance {
            id: row.id,
            from: row.generation,
            grant_id: row.grant_id.unwrap(),
            client_grant_id: client.grant_id.clone(),
            access_changes: client.access_changes,
            now: app.clock_now(),
        };
        let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
        way.take(&mut change, alice).await;
        commit(change.transaction).await.unwrap();
        assert!(!app.app.store.advance(step(row)).await.unwrap(), "{way:?}");
        let (row, ..) = parties(&app).await;
        assert!(!row.grant_id_used && app.app.store.advance(step(row)).await.unwrap(), "{way:?}: the new handle is good");
    }
}

/// Lets a role that alice does not have lose a scope.
async fn narrow_others(app: &TestApp) {
    let guard = roles::NewRole::check("guard", &["orders:read".to_owned()]).unwrap();
    app.operate(|change| Box::pin(roles::add(change, guard))).await.unwrap();
    app.add_user("bob", &["guard"]).await;
    let lost = ["orders:read".to_owned()];
    app.operate(|change| Box::pin(roles::change_scopes(change, "guard", &[], &lost))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_others_that_loses_a_scope_stops_no_authorization() {
    for (way, goes_on) in [(Way::RoleTaken, true), (Way::RoleLosesScope, false)] {
        let (app, alice) = house(way).await;
        assert_eq!(by_password(&app).await.status, 200);
        let (row, user, client) = parties(&app).await;
        let row = AuthorizationRow { id: Uuid::from_u128(7), grant_id: Some(vec![7; 16]), ..row };
        narrow_others(&app).await;
        if !goes_on {
            let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
            way.take(&mut change, alice).await;
            commit(change.transaction).await.unwrap();
        }
        let transaction = app.app.store.begin().await.unwrap();
        assert_eq!(authorizations::insert(&transaction, &row, &user, &client).await.unwrap(), goes_on, "{way:?}");
    }
}

/// Takes away what nobody has, in each way that concerns many.
async fn narrow_nobody(app: &TestApp) {
    let guard = || roles::NewRole::check("guard", &["orders:read".to_owned()]).unwrap();
    app.operate(|change| Box::pin(roles::add(change, guard()))).await.unwrap();
    let draft = GroupDraft { name: "nobody".into(), roles: vec!["guard".into()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let patch = GroupPatch { roles: Some(Vec::new()), ..GroupPatch::default() };
    app.operate(|change| Box::pin(groups::edit(change, "nobody", patch))).await.unwrap();
    app.operate(|change| Box::pin(roles::remove(change, "guard"))).await.unwrap();
    app.operate(|change| Box::pin(groups::remove(change, "nobody"))).await.unwrap();
    for put in [true, false] {
        let scope = ScopeView { name: "orders:archive".to_owned(), description: "Archive".to_owned() };
        let (put, remove) = if put { (vec![scope], Vec::new()) } else { (Vec::new(), vec![scope.name]) };
        let patch = ResourcePatch { scopes: Some(ScopesPatch::Some { put, remove }), ..ResourcePatch::default() };
        app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_taken_away_without_stopping_anyone() {
    let (app, _) = house(Way::RoleTaken).await;
    assert_eq!(by_password(&app).await.status, 200);
    let (row, user, client) = parties(&app).await;
    let changes = async || app.count("SELECT number + role_scopes FROM access_changes").await;
    let before = changes().await;
    narrow_nobody(&app).await;
    assert_eq!(changes().await, before);
    let new = AuthorizationRow { id: Uuid::from_u128(7), grant_id: Some(vec![7; 16]), ..row.clone() };
    let transaction = app.app.store.begin().await.unwrap();
    assert!(authorizations::insert(&transaction, &new, &user, &client).await.unwrap());
    commit(transaction).await.unwrap();
    let step = Advance {
        id: row.id,
        from: row.generation,
        grant_id: row.grant_id.unwrap(),
        client_grant_id: client.grant_id,
        access_changes: client.access_changes,
        now: app.clock_now(),
    };
    assert!(app.app.store.advance(step).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_go_on_while_a_role_of_others_changes_all_the_time() {
    let (app, _) = house(Way::RoleTaken).await;
    narrow_others(&app).await;
    let scope = ["orders:read".to_owned()];
    let changes = async {
        loop {
            app.operate(|change| Box::pin(roles::change_scopes(change, "guard", &scope, &[]))).await.unwrap();
            app.operate(|change| Box::pin(roles::change_scopes(change, "guard", &[], &scope))).await.unwrap();
        }
    };
    // No more than four at once, because the fifth attempt of one account may have to wait.
    let given = async {
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.extend(at_once((0..4).map(|_| by_password(&app)).collect()).await);
        }
        answers
    };
    let answers = tokio::select! {
        answers = given => answers,
        () = changes => Vec::new(),
    };
    for answer in &answers {
        assert_eq!((answer.status, answer.str("scope")), (200, SCOPE), "{}", answer.text);
    }
    assert_eq!(answers.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_runs_again_compares_no_password_again() {
    for way in [Way::RoleTaken, Way::GroupLosesRole] {
        let (app, alice) = house(way).await;
        let threads = app.app.settings.hash_threads;
        // Each piece of work keeps a thread until the sender is dropped.
        let occupy = || {
            let (release, released) = flume::bounded::<()>(0);
            for _ in 0..threads {
                let (pool, released) = (app.app.pool.clone(), released.clone());
                tokio::spawn(async move { pool.run(move |_| released.recv().is_ok()).await });
            }
            release
        };
        let before = occupy();
        real_time(50).await;
        let request = by_password(&app);
        let changes = async {
            // The request has read what alice may do, and waits for a thread.
            real_time(400).await;
            let mut change = Change::within(&app.app, &app.operator, app.app.store.begin().await.unwrap());
            way.take(&mut change, alice).await;
            commit(change.transaction).await.unwrap();
            let after = occupy();
            real_time(50).await;
            drop(before);
            after
        };
        let both = Box::pin(async { tokio::join!(request, changes) });
        let (answer, after) = tokio::time::timeout(std::time::Duration::from_secs(8), both).await.expect("it waits for no other thread");
        assert_eq!((answer.status, answer.str("scope")), (200, "openid orders:read"), "{way:?}: {}", answer.text);
        drop(after);
        assert_eq!(app.count("SELECT count(*) FROM attempts WHERE count > 0").await, 0, "{way:?}: the password was right");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_at_what_was_taken_uses_keys() {
    let (app, _) = house(Way::RoleTaken).await;
    assert_eq!(by_password(&app).await.status, 200);
    let (row, user, mut client) = parties(&app).await;
    client.role_scope_changes -= 1;
    let plans = app.plans().await;
    let row = AuthorizationRow { id: Uuid::from_u128(7), grant_id: Some(vec![7; 16]), ..row };
    assert!(!authorizations::is_as_read(&plans, &user, &client).await.unwrap());
    assert!(authorizations::insert(&plans, &row, &user, &client).await.unwrap());
    plans.assert_indexed(&[]);
}
