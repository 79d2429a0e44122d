//! Resources are listed by age, and the built-in ones come first.

use signet_issuer::admin::Window;
use signet_issuer::admin::resources::{self, NewResource, ResourceDraft};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_the_built_in_ones_first_then_the_oldest_first() {
    let app = TestApp::new().await;
    let mut expected = vec![app.url.clone(), format!("{}/userinfo", app.url)];
    for number in 0..6 {
        let identifier = format!("https://service{number}.example");
        let draft = ResourceDraft { identifier: identifier.clone(), name: "Service".to_owned(), scopes: vec![], token_lifetime: None };
        let resource = NewResource::check(draft).unwrap();
        app.operate(|change| Box::pin(resources::add(change, resource))).await.unwrap();
        expected.push(identifier);
        app.advance(1);
    }
    for limit in [1, 2, 3, 100] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = resources::list(&app.app, &Window { after, limit }).await.unwrap();
            listed.extend(page.items.into_iter().map(|resource| resource.identifier));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{limit} in a page");
    }
    let broken = Window { after: Some("nonsense".to_owned()), limit: 3 };
    assert!(resources::list(&app.app, &broken).await.is_err());
}
