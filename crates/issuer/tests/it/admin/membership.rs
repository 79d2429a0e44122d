//! The members of groups, and what users have through them: lists, the audit trail, rules, and changes at the same moment.

use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch, MembersChanged};
use signet_issuer::admin::names::{self, Kind};
use signet_issuer::admin::roles::{self, Held, NewRole, RolePatch};
use signet_issuer::admin::{Refused, Window, change, users};
use signet_issuer::audit::{Actor, Face, Who};
use uuid::Uuid;

use crate::support::{TestApp, at_once};

pub fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn draft(name: &str, roles: &[&str]) -> GroupDraft {
    GroupDraft { name: name.to_owned(), roles: owned(roles), ..GroupDraft::default() }
}

pub async fn add(app: &TestApp, group: GroupDraft) -> Result<(), Refused> {
    app.operate(|change| Box::pin(groups::add(change, group))).await.map(drop)
}

async fn edit(app: &TestApp, name: &str, patch: GroupPatch) -> Result<(), Refused> {
    app.operate(|change| Box::pin(groups::edit(change, name, patch))).await.map(drop)
}

async fn rename(app: &TestApp, name: &str, new: &str) -> Result<(), Refused> {
    edit(app, name, GroupPatch { name: Some(new.to_owned()), ..GroupPatch::default() }).await
}

pub async fn members(app: &TestApp, name: &str, add: &[&str], remove: &[&str]) -> Result<MembersChanged, Refused> {
    let (add, remove) = (owned(add), owned(remove));
    app.operate(|change| Box::pin(groups::change_members(change, name, &add, &remove))).await
}

pub async fn new_role(app: &TestApp, name: &str, scopes: &[&str]) {
    let scopes = owned(scopes);
    app.operate(|change| Box::pin(roles::add(change, NewRole::check(name, &scopes).unwrap()))).await.unwrap();
}

async fn user(app: &TestApp, username: &str) -> Uuid {
    users::show(&app.reading(), username).await.unwrap().id
}

#[track_caller]
pub fn assert_conflict<T: std::fmt::Debug>(outcome: Result<T, Refused>, part: &str) {
    match outcome {
        Err(refused @ (Refused::Conflict(_) | Refused::Taken(_))) => assert!(refused.to_string().contains(part), "{refused}"),
        other => panic!("{part}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_in_pages_and_the_audit_trail_names_those_who_changed() {
    let app = TestApp::new().await;
    add(&app, draft("On-Call", &[])).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(app.add_user(&format!("user{number}"), &[]).await);
    }
    members(&app, "on-call", &["user0", "USER1", "user1"], &[]).await.unwrap();
    // Those who are members already, and those who are none, do not change.
    let changed = members(&app, "ON-CALL", &["user1", "user2", "user3", "user4"], &["user0", "user4", "admin"]).await.unwrap();
    assert_eq!(changed.group, "On-Call");
    assert_eq!((changed.added.len(), changed.removed.as_slice()), (2, [ids[0]].as_slice()));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = groups::members(&app.reading(), "On-Call", &Window { after, limit: 2 }).await.unwrap();
        listed.extend(page.items.into_iter().map(|member| member.username));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    listed.sort();
    assert_eq!(listed, ["user1", "user2", "user3"]);
    assert_eq!(groups::count_members(&app.reading(), "On-Call").await.unwrap(), 3);
    assert_eq!(groups::of_user(&app.reading(), ids[1]).await.unwrap()[0].name, "On-Call");
    let events = "SELECT count(*) FROM audit_events WHERE event = 'group_members_changed'";
    assert_eq!(app.count(events).await, 2);
    members(&app, "On-Call", &["user1"], &["user0"]).await.unwrap();
    assert_eq!(app.count(events).await, 2, "a change that changes nothing leaves no event");
    let not_added = format!("{events} AND \"after\" LIKE '%\"added\":[%{}%]%\"removed\":%'", ids[0]);
    assert_eq!(app.count(&not_added).await, 1, "only the first time");
    let Err(Refused::Invalid(unknown)) = members(&app, "On-Call", &["user1", "Nobody"], &["noone"]).await else {
        panic!("they are unknown")
    };
    let items: Vec<Option<&str>> = unknown.iter().map(|fault| fault.item.as_deref()).collect();
    assert_eq!(items, [Some("Nobody"), Some("noone")], "each is named as it was typed");
    assert!(unknown[0].to_string().contains("there is no user nobody"), "{}", unknown[0]);
    assert!(matches!(members(&app, "none", &["user1"], &[]).await, Err(Refused::NotFound { noun: "group", .. })));
    let broken = Window { after: Some("nonsense".to_owned()), limit: 2 };
    assert!(matches!(groups::members(&app.reading(), "On-Call", &broken).await, Err(Refused::Invalid(_))));
    let many: Vec<String> = (0..=groups::MAX_AT_ONCE).map(|number| format!("user{number}")).collect();
    let too_many = app.operate(|change| Box::pin(groups::change_members(change, "On-Call", &many, &[]))).await;
    assert!(matches!(too_many, Err(Refused::Invalid(_))), "{too_many:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_external_ids_belong_to_one_group() {
    let app = TestApp::new().await;
    add(&app, GroupDraft { external_id: Some("7".to_owned()), ..draft("cafe\u{301}", &[]) }).await.unwrap();
    // The name is stored in NFC, and every way of writing it finds the group.
    assert_eq!(groups::show(&app.reading(), "CAFÉ").await.unwrap().name, "café");
    assert_conflict(add(&app, draft("ＣＡＦÉ", &[])).await, "there is a group café already");
    let again = || Some(Some("7".to_owned()));
    assert_conflict(add(&app, GroupDraft { external_id: Some("7".to_owned()), ..draft("bar", &[]) }).await, "belongs to the group café");
    add(&app, draft("bar", &[])).await.unwrap();
    assert_conflict(edit(&app, "bar", GroupPatch { external_id: again(), ..GroupPatch::default() }).await, "belongs to the group café");
    edit(&app, "café", GroupPatch { external_id: again(), ..GroupPatch::default() }).await.unwrap();
    // Another spelling of the own name is no other name; a name that was given up is given back to its old group alone.
    rename(&app, "bar", "Bar").await.unwrap();
    rename(&app, "Bar", "pub").await.unwrap();
    rename(&app, "pub", "BAR").await.unwrap();
    rename(&app, "BAR", "pub").await.unwrap();
    assert_conflict(rename(&app, "café", "bar").await, "belonged to another group");
    assert_conflict(rename(&app, "café", "bar").await, "signet group release-name bar");
    for who in [Who::User(user(&app, "admin").await), Who::Client("cli".to_owned())] {
        let actor = Actor::local(who, Face::Page);
        let released = change(&app.app, &actor, |change| Box::pin(names::release(change, Kind::Group, "bar"))).await;
        assert!(matches!(released, Err(Refused::Insufficient(_))), "{released:?}");
    }
    app.operate(|change| Box::pin(names::release(change, Kind::Group, "BAR"))).await.unwrap();
    rename(&app, "pub", "bar").await.unwrap();
    let recorded = "SELECT count(*) FROM audit_events WHERE event = 'name_released' AND detail LIKE '%BAR%'";
    assert_eq!(app.count(recorded).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_users_get_nothing_that_administers_by_a_default_group() {
    let app = TestApp::new().await.with_orders().await;
    let default = |role| GroupDraft { is_default: true, ..draft("everyone", &[role]) };
    assert_conflict(add(&app, default("admin")).await, "given to every new user");
    add(&app, default("clerk")).await.unwrap();
    let roles_of = |role: &str| GroupPatch { roles: Some(owned(&[role])), ..GroupPatch::default() };
    assert_conflict(edit(&app, "everyone", roles_of("admin")).await, "given to every new user");
    let admin = owned(&["admin:read"]);
    let widened = app.operate(|change| Box::pin(roles::change_scopes(change, "clerk", &admin, &[]))).await;
    assert_conflict(widened, "given to every new user");
    add(&app, draft("admins", &["admin"])).await.unwrap();
    assert_conflict(edit(&app, "admins", GroupPatch { is_default: Some(true), ..GroupPatch::default() }).await, "given to every new user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_held_directly_and_through_groups() {
    let app = TestApp::new().await.with_orders().await;
    new_role(&app, "packer", &["orders:read"]).await;
    for group in ["a-team", "b-team"] {
        add(&app, draft(group, &["clerk", "packer"])).await.unwrap();
    }
    let alice = app.add_user("alice", &["clerk"]).await;
    members(&app, "a-team", &["alice"], &[]).await.unwrap();
    members(&app, "b-team", &["alice"], &[]).await.unwrap();
    let held = |role: &str, through: Option<&str>| Held { role: role.to_owned(), through: through.map(str::to_owned) };
    let expected = [
        held("clerk", None),
        held("clerk", Some("a-team")),
        held("clerk", Some("b-team")),
        held("packer", Some("a-team")),
        held("packer", Some("b-team")),
    ];
    assert_eq!(roles::held(&app.reading(), alice).await.unwrap(), expected);
    assert_eq!(roles::carriers(&app.reading(), "packer").await.unwrap(), ["a-team", "b-team"]);
    let holders = roles::holders(&app.reading(), "clerk", &app.window()).await.unwrap().items;
    assert_eq!(holders.iter().map(|holder| holder.username.as_str()).collect::<Vec<_>>(), ["alice"]);
    assert!(roles::holders(&app.reading(), "packer", &app.window()).await.unwrap().items.is_empty());
    assert!(matches!(roles::holders(&app.reading(), "none", &app.window()).await, Err(Refused::NotFound { .. })));

    // The groups that lose a role with its removal are changed by that.
    let version = groups::show(&app.reading(), "a-team").await.unwrap().version;
    members(&app, "a-team", &["admin"], &[]).await.unwrap();
    assert_eq!(groups::show(&app.reading(), "a-team").await.unwrap().version, version, "the members do not count");
    app.operate(|change| Box::pin(roles::remove(change, "packer"))).await.unwrap();
    let after = groups::show(&app.reading(), "a-team").await.unwrap();
    assert_eq!((after.version, after.roles), (version + 1, owned(&["clerk"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_becomes_delegated_and_administers_at_once_is_one_of_both() {
    for round in 0..8 {
        let app = TestApp::new().await.with_orders().await;
        let admin = owned(&["admin"]);
        let widen = async || app.operate(|change| Box::pin(roles::change_scopes(change, "clerk", &admin, &[]))).await.is_ok();
        let delegate = async || {
            let patch = RolePatch { delegated: Some(true), ..RolePatch::default() };
            app.operate(|change| Box::pin(roles::edit(change, "clerk", patch))).await.is_ok()
        };
        let carry = async || add(&app, GroupDraft { delegated: true, ..draft("desk", &["clerk"]) }).await.is_ok();
        let done = if round % 2 == 0 { tokio::join!(widen(), delegate()) } else { tokio::join!(widen(), carry()) };
        assert!(done.0 != done.1, "round {round}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_ways_that_end_the_last_administrators_at_once_one_is_refused() {
    for round in 0..6 {
        let app = TestApp::new().await;
        new_role(&app, "deputy", &["admin"]).await;
        let (admin, bob) = (user(&app, "admin").await, app.add_user("bob", &[]).await);
        add(&app, draft("chiefs", &["deputy"])).await.unwrap();
        members(&app, "chiefs", &["bob"], &[]).await.unwrap();
        let role = owned(&["admin"]);
        let demote = async || app.operate(|change| Box::pin(users::change_roles(change, admin, &[], &role))).await.is_ok();
        let leave = async || members(&app, "chiefs", &[], &["bob"]).await.is_ok();
        let end_group = async || app.operate(|change| Box::pin(groups::remove(change, "chiefs"))).await.is_ok();
        let end_role = async || app.operate(|change| Box::pin(roles::remove(change, "deputy"))).await.is_ok();
        let take_role = async || edit(&app, "chiefs", GroupPatch { roles: Some(Vec::new()), ..GroupPatch::default() }).await.is_ok();
        let disable = async || app.operate(|change| Box::pin(users::disable(change, bob))).await.is_ok();
        let narrow = async || app.operate(|change| Box::pin(roles::change_scopes(change, "deputy", &[], &role))).await.is_ok();
        let done = match round {
            0 => tokio::join!(demote(), leave()),
            1 => tokio::join!(demote(), end_group()),
            2 => tokio::join!(demote(), end_role()),
            3 => tokio::join!(demote(), take_role()),
            4 => tokio::join!(demote(), disable()),
            _ => tokio::join!(demote(), narrow()),
        };
        assert!(done.0 != done.1, "round {round}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_names_and_members_at_once_lose_nothing() {
    let app = TestApp::new().await;
    // Names that differ only in case, added at once.
    let added = at_once(["ops", "Ops", "OPS", "oPs"].into_iter().map(|name| add(&app, draft(name, &[]))).collect()).await;
    assert_eq!(added.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{added:?}");
    // A name that is given up and taken at once is never taken.
    let (renamed, taken) = tokio::join!(rename(&app, "ops", "operations"), add(&app, draft("OpS", &[])));
    renamed.unwrap();
    assert!(matches!(taken, Err(Refused::Taken(_))), "{taken:?}");
    // Users who are added while a default group is removed.
    add(&app, GroupDraft { is_default: true, ..draft("everyone", &[]) }).await.unwrap();
    let remove = async || app.operate(|change| Box::pin(groups::remove(change, "everyone"))).await.map(drop);
    let (removed, ..) = tokio::join!(remove(), app.add_user("one", &[]), app.add_user("two", &[]), app.add_user("three", &[]));
    removed.unwrap();
    // The same user, into and out of a group at once.
    let changes = (0..8).map(|number| {
        let (add, remove): (&[&str], &[&str]) = if number % 2 == 0 { (&["one", "two"], &[]) } else { (&[], &["two", "one"]) };
        members(&app, "operations", add, remove)
    });
    for outcome in at_once(changes.collect()).await {
        outcome.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_registered_themselves_are_told_no_groups() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    add(&app, draft("team", &[])).await.unwrap();
    members(&app, "team", &["alice"], &[]).await.unwrap();
    app.add_client_with("portal", true, "authorization_code password", &["openid", "groups", "roles"], |draft| {
        draft.redirect_uris = vec!["https://portal.example/cb".to_owned()];
        draft.default_resource = None;
    })
    .await;
    app.sql("UPDATE clients SET group_filter = 'all' WHERE id = 'portal'").await;
    let told = async |granted: &str| {
        let form = [("grant_type", "password"), ("client_id", "portal"), ("username", "alice"), ("password", crate::support::PASSWORD)];
        let tokens = app.post("/token").form(&[&form[..], &[("scope", "openid groups roles")]].concat()).send().await;
        assert_eq!(tokens.str("scope"), granted);
        app.get("/userinfo").header("authorization", &format!("Bearer {}", tokens.str("access_token"))).send().await.json
    };
    let answer = told("groups openid roles").await;
    assert_eq!((&answer["groups"], &answer["roles"]), (&serde_json::json!(["team"]), &serde_json::json!(["clerk"])));
    app.sql("UPDATE clients SET claims_allowed = FALSE WHERE id = 'portal'").await;
    let answer = told("openid").await;
    assert_eq!((answer.get("groups"), answer.get("roles")), (None, None));
}
