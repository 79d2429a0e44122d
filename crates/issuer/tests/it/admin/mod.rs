//! Lists come in pages, each of which begins where the one before ended, and filters hold.

mod attributes;
mod csv;
mod edit_client;
mod group_uses;
mod groups;
mod import_history;
mod import_rules;
mod membership;
mod new_client;
mod permission;
mod presets;
mod preview;
mod resources;
mod review;
mod roles;
mod round_trip;
mod search;
pub mod transfer;
mod typed_marks;
mod users;

use signet_issuer::admin::{self, Window};

use crate::support::{ORDERS, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let app = TestApp::new().await.with_orders().await;
    for number in 0..7 {
        app.add_user(&format!("user{number}"), &["clerk"]).await;
        app.sign_in(&format!("user{number}"), "").await;
        app.signed_in(&format!("user{number}")).await;
        app.add_client(&format!("client{number}"), false, "client_credentials", &["orders:read"]).await;
    }
    macro_rules! in_pages {
        ($list:expr, $key:expr) => {{
            let (mut keys, mut after, mut pages) = (Vec::new(), None, 0);
            loop {
                let page = $list(Window { after, limit: 3 }).await.unwrap();
                assert!(page.items.len() <= 3);
                keys.extend(page.items.iter().map($key));
                (after, pages) = (page.next, pages + 1);
                if after.is_none() {
                    break (keys, pages);
                }
            }
        }};
    }
    let (users, pages) =
        in_pages!(async |window| admin::users::list(&app.reading(), &admin::users::UserFilter::default(), &window).await, |user| user
            .username
            .clone());
    assert_eq!(users, ["admin", "user0", "user1", "user2", "user3", "user4", "user5", "user6"]);
    assert_eq!(pages, 3);
    let all = admin::clients::ClientFilter::default();
    let (clients, _) =
        in_pages!(async |window| admin::clients::list(&app.reading(), &all, &window).await, |client| client.client_id.clone());
    assert_eq!(clients.len(), 10, "{clients:?}");
    let (authorizations, _) = in_pages!(
        async |window| admin::authorizations::list(&app.reading(), &admin::authorizations::AuthorizationFilter::default(), &window).await,
        |authorization| authorization.id
    );
    let mut sorted = authorizations.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((authorizations.len(), sorted.len()), (7, 7));
    let (sessions, _) = in_pages!(async |window| admin::sessions::list(&app.reading(), None, &window).await, |session| session.sid.clone());
    assert_eq!(sessions.len(), 7);
    let (roles, _) = in_pages!(async |window| admin::roles::list(&app.reading(), &window).await, |role| role.name.clone());
    assert_eq!(roles, ["admin", "clerk"]);
    let (resources, _) =
        in_pages!(async |window| admin::resources::list(&app.reading(), &window).await, |resource| resource.identifier.clone());
    assert_eq!(resources.len(), 3);
    assert_eq!(admin::resources::show(&app.reading(), ORDERS).await.unwrap().scopes.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_return_only_what_matches() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await;
    app.disable_user("bob").await;
    let usernames = async |enabled| {
        let page = admin::users::list(&app.reading(), &admin::users::UserFilter { enabled, search: None }, &app.window()).await.unwrap();
        page.items.into_iter().map(|user| user.username).collect::<Vec<_>>()
    };
    assert_eq!(usernames(None).await, ["admin", "alice", "bob"]);
    assert_eq!(usernames(Some(true)).await, ["admin", "alice"]);
    assert_eq!(usernames(Some(false)).await, ["bob"]);
    app.disable_client("shop").await;
    let disabled =
        admin::clients::list(&app.reading(), &admin::clients::ClientFilter { enabled: Some(false), ..Default::default() }, &app.window())
            .await
            .unwrap();
    assert_eq!(disabled.items.into_iter().map(|client| client.client_id).collect::<Vec<_>>(), ["shop"]);
    let broken = Window { after: Some("nonsense".to_owned()), limit: 3 };
    assert!(admin::authorizations::list(&app.reading(), &admin::authorizations::AuthorizationFilter::default(), &broken).await.is_err());
}
