//! Every list of the administration is read by an index in its order, however many rows there are.

use sea_orm::{EntityTrait, IntoActiveModel, ModelTrait};
use signet_issuer::admin::users;
use signet_issuer::store::{ConnectionTrait, authorizations, clients, consents, groups, roles, sessions, users as user_store};
use uuid::Uuid;

use crate::support::TestApp;

/// The number of copies of each row.
const MANY: usize = 2000;

/// Inserts copies of the rows of `table` that `condition` selects. `changed` are pairs of a column and the expression of its value, in which `i`
/// is the number of the copy; the other columns are copied.
async fn copy(app: &TestApp, table: &str, columns: &str, changed: &[(&str, &str)], condition: &str) {
    let names = columns.split_whitespace();
    let values: Vec<String> = names
        .clone()
        .map(|name| changed.iter().find(|(own, _)| *own == name).map_or_else(|| format!("t.{name}"), |(_, value)| (*value).to_owned()))
        .collect();
    let (names, values) = (names.collect::<Vec<_>>().join(", "), values.join(", "));
    app.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
         INSERT INTO {table} ({names}) SELECT {values} FROM {table} t, n WHERE {condition}"
    ))
    .await;
}

/// Returns an issuer with many users, clients, sessions and authorizations, of which a few are disabled, and the id of a user.
async fn filled() -> (TestApp, Uuid) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let browser = app.signed_in("alice").await;
    app.code_flow(&browser, &[]).await;
    let row = user_store::by_id(app.app.store.reader(), alice).await.unwrap().unwrap();
    let copies = (0..MANY).map(|number| user_store::UserRow {
        id: Uuid::from_u128(number as u128 + 1),
        username: format!("user{number}"),
        email: None,
        email_verified: false,
        disabled_at: (number % 500 == 0).then_some(1),
        ..row.clone()
    });
    insert(app.app.store.writer(), copies).await;
    app.sql("INSERT INTO user_roles (user_id, role) SELECT id, 'clerk' FROM users WHERE username LIKE 'user%'").await;
    let columns = "id client_name public grant_types redirect_uris default_resource created_at disabled_at token_endpoint_auth_method pkce \
                   first_party metadata registration_token_hash access id_token_claims group_filter group_prefix claims_allowed \
                   signals_of_all_users session_management last_used_at version grant_id";
    copy(&app, "clients", columns, &[("id", "'app' || i")], "t.id = 'web'").await;
    app.sql(
        "INSERT INTO consents (user_id, client_id, scope, resources, claims, given_at) \
             SELECT id, 'web', 'openid', '', '', 0 FROM users WHERE username LIKE 'user%'",
    )
    .await;
    app.sql("UPDATE clients SET disabled_at = 1 WHERE id LIKE 'app%77'").await;
    app.sql("UPDATE clients SET registration_token_hash = grant_id WHERE id LIKE 'app%88'").await;
    (app, alice)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_people_and_clients_are_read_in_the_order_of_an_index() {
    let (app, alice) = filled().await;
    let [own, by_statistics] = [app.plans().await, app.plans_by_statistics().await];
    let both = [&own, &by_statistics];
    for db in both {
        for after in [None, Some("user1")] {
            user_store::page(db, None, after, 51).await.unwrap();
            db.assert_in_order(&[]);
            user_store::page(db, Some(true), after, 51).await.unwrap();
            db.assert_in_order(&["users_enabled"]);
            user_store::page(db, Some(false), after, 51).await.unwrap();
            db.assert_in_order(&["users_disabled"]);
            groups::page(db, after, 51).await.unwrap();
            db.assert_in_order(&[]);
        }
        for after in [None, Some("app1")] {
            for (kinds, index) in [
                ((None, None), None),
                ((Some(true), None), None),
                ((None, Some(false)), None),
                ((Some(true), Some(false)), None),
                ((Some(false), None), Some("clients_disabled")),
                ((None, Some(true)), Some("clients_registered")),
                ((Some(true), Some(true)), Some("clients_registered")),
            ] {
                clients::page(db, kinds, after, 51).await.unwrap();
                db.assert_in_order(&index.into_iter().collect::<Vec<_>>());
            }
            roles::page(db, after, 51).await.unwrap();
            db.assert_in_order(&[]);
        }
        for after in [None, Some(Uuid::from_u128(1000))] {
            roles::holders(db, "clerk", after, 51).await.unwrap();
            db.assert_indexed(&["user_roles_role"]);
        }
        consents::of_user(db, alice).await.unwrap();
    }
    // A user has few consents, which are sorted by the names of their clients.
    let (statements, scans) = by_statistics.scans(&["consents", "clients"]);
    assert!(statements == 1 && scans.is_empty(), "{scans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_sessions_and_authorizations_are_read_in_the_order_of_an_index() {
    let (app, alice) = filled().await;
    let (now, writer) = (app.clock_now(), app.app.store.writer());
    let (session, _) = sessions::page(writer, Some(alice), now, None, 1).await.unwrap().remove(0);
    let (authorization, _) = authorizations::live(writer, (Some(alice), None), now, 1000, None, 1).await.unwrap().remove(0);
    let user = |number: usize| Uuid::from_u128((number % MANY) as u128 + 1);
    // Of the rows a part has ended, and alice has many of them, as a script that signs in again and again has.
    let sessions_of = |number: usize| sessions::SessionRow {
        sid: format!("{:08x}", number.wrapping_mul(2_654_435_761) & 0xffff_ffff),
        user_id: if number.is_multiple_of(4) { alice } else { user(number) },
        ended_at: number.is_multiple_of(3).then_some(now),
        created_at: now - i64::try_from(number / 2).unwrap(),
        ..session.clone()
    };
    let authorizations_of = |number: usize| authorizations::AuthorizationRow {
        id: Uuid::from_u128((number as u128) << 64 | 7),
        user_id: if number.is_multiple_of(4) { alice } else { user(number) },
        client_id: if number % 4 == 1 { "web".to_owned() } else { format!("app{}", number % MANY + 1) },
        ended_at: number.is_multiple_of(3).then_some(now),
        grant_id: None,
        ..authorization.clone()
    };
    insert(writer, (0..2 * MANY).map(sessions_of)).await;
    insert(writer, (0..2 * MANY).map(authorizations_of)).await;
    let [own, by_statistics] = [app.plans().await, app.plans_by_statistics().await];
    for db in [&own, &by_statistics] {
        for after in [None, Some((now - 100, "8"))] {
            let page = sessions::page(db, None, now, after, 51).await.unwrap();
            assert_eq!(page.len(), 51);
            assert!(page.windows(2).all(|pair| (pair[0].0.created_at, &pair[0].0.sid) > (pair[1].0.created_at, &pair[1].0.sid)));
            assert!(after.is_none_or(|after| (page[0].0.created_at, page[0].0.sid.as_str()) < after));
            db.assert_in_order(&["sessions_created_at"]);
            assert_eq!(sessions::page(db, Some(alice), now, after, 51).await.unwrap().len(), 51);
            db.assert_in_order(&["sessions_user_id"]);
        }
        for after in [None, Some(Uuid::from_u128((MANY as u128) << 64))] {
            for (which, index) in [
                ((None, None), None),
                ((Some(alice), None), Some("authorizations_user_id")),
                ((None, Some("web")), Some("authorizations_client_id")),
                ((Some(user(1)), None), Some("authorizations_user_id")),
                ((None, Some("app1")), Some("authorizations_client_id")),
            ] {
                authorizations::live(db, which, now, 1000, after, 51).await.unwrap();
                db.assert_in_order(&index.into_iter().collect::<Vec<_>>());
            }
        }
    }
}

/// Inserts these rows into their table, some hundred in one statement.
async fn insert<R>(db: &impl ConnectionTrait, rows: impl Iterator<Item = R>)
where
    R: ModelTrait + IntoActiveModel<<<R as ModelTrait>::Entity as EntityTrait>::ActiveModel>,
{
    let rows: Vec<_> = rows.map(IntoActiveModel::into_active_model).collect();
    for some in rows.chunks(500) {
        R::Entity::insert_many(some.to_vec()).exec_without_returning(db).await.unwrap();
    }
}
