mod life_cycle;
mod nodes;
mod seal;

use signet_issuer::admin::{self, Refused};
use signet_issuer::app::App;
use signet_issuer::audit::{Actor, Face, Who};
use signet_issuer::keys::ring::{Entry, Ring};
use signet_issuer::store::commit;

fn operator() -> Actor {
    Actor::local(Who::Operator, Face::CommandLine)
}

/// Publishes a key after the keys of `ring`, as a node does that has read the ring a moment ago. `None` if another node was first.
pub async fn publish_after(app: &App, ring: &Ring) -> Option<Entry> {
    let rotation = app.rotation();
    let key = rotation.generate().unwrap();
    let transaction = app.store.begin().await.unwrap();
    let published = rotation.publish(&transaction, ring, key, &operator()).await.unwrap();
    commit(transaction).await.unwrap();
    published
}

/// Revokes a key by the operation; returns whether there was such a key.
pub async fn revoke(app: &App, kid: &str) -> bool {
    let spare = app.rotation().generate().unwrap();
    match admin::change(app, &operator(), |change| Box::pin(admin::keys::revoke(change, kid, spare))).await {
        Ok(_) => true,
        Err(Refused::NotFound { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}
