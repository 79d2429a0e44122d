//! The last use of clients and of their secrets. It is collected in memory and written by a job, so that a request of a client costs no
//! write. A crash loses at most what was not written yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::{client_secrets, clients};

/// The largest number of clients whose use is collected between two writes. The use of further ones is noted after the next write.
const MOST_CLIENTS: usize = 10_000;

/// The last use of one client.
#[derive(Default)]
struct Use {
    at: UnixSeconds,
    /// The last use of each secret, by its hash.
    secrets: HashMap<String, UnixSeconds>,
}

/// The uses that were not written yet, by client.
#[derive(Clone, Default)]
pub(super) struct LastUses(Arc<Mutex<HashMap<String, Use>>>);

/// Shows nothing, because the keys include hashes of secrets.
impl std::fmt::Debug for LastUses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastUses").finish_non_exhaustive()
    }
}

impl LastUses {
    /// Notes that the client `id` was used at `now`, with the secret that has this hash.
    pub(super) fn note(&self, id: &str, secret: Option<String>, now: UnixSeconds) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !uses.contains_key(id) {
            if uses.len() >= MOST_CLIENTS {
                return;
            }
            uses.insert(id.to_owned(), Use::default());
        }
        let Some(noted) = uses.get_mut(id) else { return };
        noted.at = std::cmp::max(noted.at, now);
        if let Some(hash) = secret {
            // A client has two valid secrets at most, and those that ended since the last write.
            let at = noted.secrets.entry(hash).or_default();
            *at = std::cmp::max(*at, now);
        }
    }

    /// Writes what was noted, with one statement for each client and one for each secret. What could not be written is kept for the next
    /// time.
    pub(super) async fn flush(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut uses = uses.into_iter();
        while let Some((id, noted)) = uses.next() {
            if let Err(error) = write(db, &id, &noted).await {
                for (id, Use { at, secrets }) in std::iter::once((id, noted)).chain(uses) {
                    self.note(&id, None, at);
                    for (hash, at) in secrets {
                        self.note(&id, Some(hash), at);
                    }
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

async fn write(db: &impl ConnectionTrait, id: &str, noted: &Use) -> Result<(), StoreError> {
    use clients::Column;
    // Another node may have written a later use.
    let earlier = Column::LastUsedAt.is_null().or(Column::LastUsedAt.lt(noted.at));
    let set = clients::Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(noted.at));
    set.filter(Column::Id.eq(id)).filter(earlier).exec(db).await?;
    for (hash, at) in &noted.secrets {
        use client_secrets::Column;
        let earlier = Column::LastUsedAt.is_null().or(Column::LastUsedAt.lt(*at));
        let set = client_secrets::Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(*at));
        set.filter(Column::ClientId.eq(id)).filter(Column::Hash.eq(hash)).filter(earlier).exec(db).await?;
    }
    Ok(())
}
