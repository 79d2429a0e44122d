//! Two administrators who edit the same object at once do not overwrite each other, and the second one can still save.

use serde_json::json;
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::{attributes, users};

use crate::pages::admin_clients::values;
use crate::support::{Answer, Browser, PASSWORD, TestApp};

/// A form: its path, what another administrator saves in it, what the first one typed meanwhile, and what the page then tells is saved.
type Case = (&'static str, (&'static str, &'static str), (&'static str, &'static str), &'static str);

const CASES: [Case; 7] = [
    ("/admin/users/alice/edit", ("nickname", "Al"), ("name", "Alice B."), "Al"),
    ("/admin/users/alice/roles", ("roles", "clerk\nextra"), ("roles", "admin\nclerk"), "clerk, extra"),
    ("/admin/groups/staff/edit", ("display_name", "The staff"), ("external_id", "e-1"), "The staff"),
    ("/admin/roles/extra/edit", ("delegated", "true"), ("display_name", "Some more"), "ticked"),
    ("/admin/resources/https%3A%2F%2Forders%2Eexample/edit", ("token_lifetime", "300"), ("name", "The orders"), "300"),
    ("/admin/attributes/team/edit", ("max", "12"), ("display_name", "The team"), "12"),
    ("/admin/clients/web/edit", ("client_uri", "https://shop.example/"), ("client_name", "The shop"), "https://shop.example/"),
];

async fn app() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    app.add_user("chief", &["admin"]).await;
    app.operate(|change| {
        Box::pin(async move {
            use signet_issuer::admin::roles::{self, NewRole};
            roles::add(change, NewRole::check("extra", &["orders:read".to_owned()])?).await?;
            groups::add(change, GroupDraft { name: "staff".to_owned(), ..GroupDraft::default() }).await?;
            let draft = serde_json::from_value(json!({ "name": "team", "type": "string", "max": 5 })).unwrap();
            attributes::add(change, draft).await
        })
    })
    .await
    .unwrap();
    app
}

impl Browser {
    /// Goes on through the pages that ask first.
    async fn agree(&self, mut answer: Answer, path: &str) -> Answer {
        while answer.status == 200 && (answer.text.contains("name=\"agreed\"") || answer.text.contains("name=\"confirm_password\"")) {
            answer = self.submit(&answer, path, &[("confirm_password", PASSWORD)]).await;
        }
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_overtaken_tells_what_is_saved_and_can_be_saved_over_it() {
    let app = app().await;
    let (boss, chief) = (app.signed_in("boss").await, app.signed_in("chief").await);
    for (path, theirs, mine, saved) in CASES {
        let old = boss.get(path).await;
        let form = chief.get(path).await;
        let other = chief.agree(chief.send_filled(&form, path, &[theirs]).await, path).await;
        assert!(other.text.contains("Saved."), "{path}: {}", other.text);

        let refused = boss.send_filled(&old, path, &[mine]).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        assert!(refused.text.contains("somebody else changed it meanwhile"), "{path}: {}", refused.text);
        assert!(refused.text.contains(&format!("Saved now: {saved}.")), "{path}: {}", refused.text);
        let kept = values(&refused, path).into_iter().find(|(name, _)| name == mine.0).unwrap().1;
        assert_eq!(kept, mine.1, "{path}: what was typed stays");
        let now = values(&boss.get(path).await, path).into_iter().find(|(name, _)| name == theirs.0).unwrap().1;
        assert_eq!(now, theirs.1, "{path}: nothing was changed");

        let both: Vec<_> = [theirs, mine].into_iter().filter(|(name, value)| *name != mine.0 || *value == mine.1).collect();
        let done = boss.agree(boss.send_filled(&refused, path, &both).await, path).await;
        assert!(done.status == 200 && done.text.contains("Saved."), "{path}: {} {}", done.status, done.text);
        let now = values(&boss.get(path).await, path);
        assert!(now.contains(&(mine.0.to_owned(), mine.1.to_owned())), "{path}: {now:?}");
    }
    assert_eq!(users::show(&app.reading(), "alice").await.unwrap().roles, ["admin", "clerk"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_save_at_once_only_one_does() {
    let app = app().await;
    let (boss, chief) = (app.signed_in("boss").await, app.signed_in("chief").await);
    for (path, theirs, mine, _) in CASES.into_iter().filter(|(path, ..)| !path.contains("/users/alice/roles")) {
        let (one, other) = (boss.get(path).await, chief.get(path).await);
        let (mine, theirs) = ([mine], [theirs]);
        let answers = tokio::join!(boss.send_filled(&one, path, &mine), chief.send_filled(&other, path, &theirs));
        let mut answers = [(&boss, answers.0), (&chief, answers.1)];
        answers.sort_by_key(|(_, answer)| answer.status);
        let [(winner, first), (_, second)] = answers;
        assert!(first.text.contains("Saved."), "{path}: {}", first.text);
        assert!(second.status == 400 && second.text.contains("somebody else changed it meanwhile"), "{path}: {}", second.text);
        let again = winner.get(path).await;
        assert_eq!(again.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_was_overtaken_changes_nothing() {
    let app = app().await;
    let (boss, chief) = (app.signed_in("boss").await, app.signed_in("chief").await);
    let path = "/admin/users/alice/roles";
    let asked = boss.send_filled(&boss.get(path).await, path, &[("roles", "clerk\nextra")]).await;
    assert!(asked.text.contains("confirm_password"), "{}", asked.text);
    let form = chief.get(path).await;
    let other = chief.agree(chief.send_filled(&form, path, &[("roles", "")]).await, path).await;
    assert!(other.text.contains("Saved."), "{}", other.text);
    let refused = boss.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert!(refused.status == 400 && refused.text.contains("Saved now: nothing."), "{}", refused.text);
    assert!(users::show(&app.reading(), "alice").await.unwrap().roles.is_empty());
    // A form without a version, such as one of a script, is drawn again, too.
    let csrf = refused.hidden(path).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let bare = boss.post(path, &[("csrf", &csrf), ("roles", "extra")]).await;
    assert!(bare.status == 400 && bare.text.contains("name=\"version\""), "{}", bare.text);
}
