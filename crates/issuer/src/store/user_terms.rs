//! The words by which users are found: those of their usernames, addresses and names.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::store::entity::user_terms::{Column, Entity, Model};
use crate::store::{Inserts, StoreError, terms};

/// Returns the words of a user, each once and in order.
pub fn of(username: &str, email: Option<&str>, name: Option<&str>) -> Vec<String> {
    // If there are too many words, those of the username and the address must be among the ones that stay.
    terms::of_all([Some(username), email, name])
}

/// Stores the words `terms` of `user`, who has none yet.
pub async fn insert(db: &impl ConnectionTrait, user: Uuid, terms: Vec<String>) -> Result<(), StoreError> {
    let mut inserts = Inserts::new(db);
    insert_all(&mut inserts, terms.into_iter().map(|term| (user, term)));
    inserts.run(db).await
}

/// Adds to `inserts` the insertion of a word for each pair of a user and a word. No pair may be stored yet.
pub fn insert_all(inserts: &mut Inserts, pairs: impl Iterator<Item = (Uuid, String)>) {
    let mut rows: Vec<Model> = pairs.map(|(user_id, term)| Model { term: term.into_bytes(), user_id }).collect();
    // Neighbours of an index stand beside each other, so that their page is looked for once.
    rows.sort_by(|one, other| (&one.term, one.user_id).cmp(&(&other.term, other.user_id)));
    inserts.add::<Entity>(&rows);
}

/// Stores the words `after` of `user` in place of the words `before`. Words that are in both stay as they are.
pub async fn replace(db: &impl ConnectionTrait, user: Uuid, before: &[String], after: &[String]) -> Result<(), StoreError> {
    let gone: Vec<Vec<u8>> = before.iter().filter(|term| !after.contains(term)).map(|term| term.clone().into_bytes()).collect();
    if !gone.is_empty() {
        Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::Term.is_in(gone)).exec(db).await?;
    }
    insert(db, user, after.iter().filter(|term| !before.contains(term)).cloned().collect()).await
}
