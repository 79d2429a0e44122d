//! Resources are listed by age, and the built-in ones come first.

use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::resources::{self, NewResource, ResourceDraft};
use signet_issuer::admin::{Refused, Window};

use crate::support::{ORDERS, TestApp, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_the_built_in_ones_first_then_the_oldest_first() {
    let app = TestApp::new().await;
    let mut expected = vec![app.url.clone(), format!("{}/userinfo", app.url)];
    for number in 0..6 {
        let identifier = format!("https://service{number}.example");
        let draft = ResourceDraft { identifier: identifier.clone(), name: "Service".to_owned(), ..ResourceDraft::default() };
        let resource = NewResource::check(draft).unwrap();
        app.operate(|change| Box::pin(resources::add(change, resource))).await.unwrap();
        expected.push(identifier);
        app.advance(1);
    }
    for limit in [1, 2, 3, 100] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = resources::list(&app.reading(), &Window { after, limit }).await.unwrap();
            listed.extend(page.items.into_iter().map(|resource| resource.identifier));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{limit} in a page");
    }
    let broken = Window { after: Some("nonsense".to_owned()), limit: 3 };
    assert!(resources::list(&app.reading(), &broken).await.is_err());
}

async fn add(app: &TestApp, identifier: &str) -> Result<(), Refused> {
    let draft = ResourceDraft { identifier: identifier.to_owned(), name: "Service".to_owned(), ..ResourceDraft::default() };
    let resource = NewResource::check(draft).unwrap();
    app.operate(|change| Box::pin(resources::add(change, resource))).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_are_equal_cannot_both_be_registered() {
    let app = TestApp::new().await.with_orders().await;
    for taken in [ORDERS.to_owned(), format!("{ORDERS}/"), app.url.clone(), format!("{}/", app.url), format!("{}/userinfo", app.url)] {
        assert!(matches!(add(&app, &taken).await, Err(Refused::Taken(_))), "{taken}");
    }
    // Nor by two commands at the same moment.
    let at = |path: &'static str| add(&app, path);
    let answers = at_once(vec![at("https://x.example"), at("https://x.example/"), at("https://x.example"), at("https://x.example/")]).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(app.count("SELECT count(*) FROM resources WHERE identifier LIKE 'https://x.example%'").await, 1);
    // A resource is found, and removed, by either spelling.
    assert_eq!(resources::show(&app.reading(), &format!("{ORDERS}/")).await.unwrap().identifier, ORDERS);
    let removed = app.operate(|change| Box::pin(resources::remove(change, "https://orders.example/"))).await.unwrap();
    assert_eq!(removed.identifier, ORDERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_resource_gets_the_url_of_the_issuer_in_another_spelling() {
    for (issuer, spellings) in [
        (
            "https://id.example",
            &["https://ID.example", "https://id.example:443", "https://id.example/./", "https://id.example:443/userinfo"][..],
        ),
        ("https://id.example/tenant", &["https://Id.Example/tenant", "https://id.example/x/../tenant/userinfo"]),
        ("http://localhost:9000", &["http://LOCALHOST:9000", "http://localhost:9000/a/.."]),
    ] {
        let app = TestApp::with(|settings| settings.issuer = signet_issuer::oauth::issuer::Issuer::parse(issuer).unwrap()).await;
        for spelling in spellings {
            let Err(Refused::Taken(taken)) = add(&app, spelling).await else { panic!("{spelling}") };
            assert!(taken[0].reason.contains("another spelling of"), "{taken:?}");
        }
        let beside = format!("{issuer}/orders");
        add(&app, &beside).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_resource_cannot_be_changed() {
    let app = TestApp::new().await.with_orders().await;
    let open = || ResourcePatch { open: Some(true), ..ResourcePatch::default() };
    for identifier in [app.url.clone(), format!("{}/userinfo", app.url)] {
        let refused = app.operate(|change| Box::pin(async { edit_resource::edit(change, &identifier, open()).await })).await;
        assert!(matches!(refused, Err(Refused::Conflict(_))), "{identifier}");
    }
    let set = async |settings| app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, settings))).await.unwrap().open;
    assert!(set(open()).await && set(open()).await && set(ResourcePatch::default()).await);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'resource_changed'").await, 1, "only what changed");
}
