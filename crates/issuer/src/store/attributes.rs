//! The attributes that the operator declared, and their values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::store::entity::{attributes, user_attributes};
use crate::store::query::{insert_unless_taken, text};
use crate::store::{Inserts, StoreError};

pub use crate::store::entity::attributes::Model as AttributeRow;

/// Returns up to `limit` attributes after the name `after`, in the order of their names.
pub async fn page(db: &impl ConnectionTrait, after: Option<&str>, limit: u64) -> Result<Vec<AttributeRow>, StoreError> {
    let condition = Condition::all().add_option(after.map(|after| attributes::Column::Name.gt(after)));
    Ok(attributes::Entity::find().filter(condition).order_by_asc(attributes::Column::Name).limit(limit).all(db).await?)
}

/// Returns all attributes in the order of their names. Their number is bounded.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<AttributeRow>, StoreError> {
    Ok(attributes::Entity::find().order_by_asc(attributes::Column::Name).all(db).await?)
}

/// Returns the attribute `name`.
pub async fn row(db: &impl ConnectionTrait, name: &str) -> Result<Option<AttributeRow>, StoreError> {
    Ok(attributes::Entity::find_by_id(name).all(db).await?.pop())
}

/// Returns the attribute `name` and locks it, so that no other transaction changes it until the caller's transaction ends.
pub async fn lock(db: &impl ConnectionTrait, name: &str) -> Result<Option<AttributeRow>, StoreError> {
    Ok(attributes::Entity::find_by_id(name).lock_exclusive().all(db).await?.pop())
}

/// Inserts an attribute. Returns `false`, and inserts nothing, if the name is taken.
pub async fn insert(db: &impl ConnectionTrait, row: AttributeRow) -> Result<bool, StoreError> {
    insert_unless_taken::<attributes::Entity>(db, row).await
}

/// Stores `row` in place of the row of the same name, and increments its version. The type and whether there may be several values stay.
pub async fn update(db: &impl ConnectionTrait, row: &AttributeRow) -> Result<(), StoreError> {
    use attributes::Column;
    attributes::Entity::update_many()
        .col_expr(Column::DisplayName, Expr::value(row.display_name.as_str()))
        .col_expr(Column::Mutability, Expr::value(row.mutability.as_str()))
        .col_expr(Column::Visibility, Expr::value(row.visibility.as_str()))
        .col_expr(Column::Scope, Expr::value(row.scope.clone()))
        .col_expr(Column::Min, Expr::value(row.min))
        .col_expr(Column::Max, Expr::value(row.max))
        .col_expr(Column::Pattern, Expr::value(row.pattern.clone()))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Name.eq(row.name.as_str()))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes an attribute with all its values.
pub async fn remove(db: &impl ConnectionTrait, name: &str) -> Result<bool, StoreError> {
    Ok(attributes::Entity::delete_by_id(name).exec(db).await?.rows_affected == 1)
}

/// The values of a user's attributes, by the name of the attribute.
pub type Values = BTreeMap<String, Vec<String>>;

/// Returns the values of each of the users `ids`. A user without attributes is left out.
pub async fn of_users(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Values>, StoreError> {
    Ok(with_marks(db, ids).await?.into_iter().map(|(id, (values, _))| (id, values)).collect())
}

/// The values of a user's attributes, with the names of the attributes whose values the user typed.
pub type Marked = (Values, BTreeSet<String>);

/// Returns the values of each of the users `ids`, with their marks. A user without attributes is left out.
pub async fn with_marks(db: &impl ConnectionTrait, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Marked>, StoreError> {
    use user_attributes::Column;
    let rows = user_attributes::Entity::find().filter(Column::UserId.is_in(ids));
    let mut found = HashMap::<Uuid, Marked>::new();
    for row in rows.order_by_asc(Column::Name).order_by_asc(Column::Position).all(db).await? {
        let (values, typed) = found.entry(row.user_id).or_default();
        if row.by_user {
            typed.insert(row.name.clone());
        }
        values.entry(row.name).or_default().push(row.value);
    }
    Ok(found)
}

/// Returns the names of the attributes whose values `user` typed.
pub async fn typed_by(db: &impl ConnectionTrait, user: Uuid) -> Result<HashSet<String>, StoreError> {
    use user_attributes::Column;
    let rows = user_attributes::Entity::find().filter(Column::UserId.eq(user)).filter(Column::ByUser.eq(true)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Counts up to `most` users who typed their values of the attribute `name`.
pub async fn count_typed(db: &impl ConnectionTrait, name: &str, most: u64) -> Result<u64, StoreError> {
    count(db, "name = $1 AND by_user AND position = 0", name, most).await
}

/// Counts up to `most` users who have a value of the attribute `name`.
pub async fn count_users(db: &impl ConnectionTrait, name: &str, most: u64) -> Result<u64, StoreError> {
    count(db, "name = $1 AND position = 0", name, most).await
}

async fn count(db: &impl ConnectionTrait, condition: &str, name: &str, most: u64) -> Result<u64, StoreError> {
    #[derive(FromQueryResult)]
    struct Counted {
        number: i64,
    }
    let sql = format!("SELECT count(*) AS number FROM (SELECT 1 FROM user_attributes WHERE {condition} LIMIT {most}) AS counted");
    let counted = Counted::find_by_statement(text(db, sql, [name.into()])).one(db).await?;
    Ok(counted.map_or(0, |counted| counted.number.unsigned_abs()))
}

/// Gives a user the values `values` of the attribute `name`, in place of those that they had. `by_user` says that the user typed them.
pub async fn replace(db: &impl ConnectionTrait, user: Uuid, name: &str, values: &[String], by_user: bool) -> Result<(), StoreError> {
    use user_attributes::Column;
    user_attributes::Entity::delete_many().filter(Column::UserId.eq(user)).filter(Column::Name.eq(name)).exec(db).await?;
    if !values.is_empty() {
        let row = |(value, position): (&String, i32)| user_attributes::Model {
            user_id: user,
            name: name.to_owned(),
            position,
            value: value.clone(),
            by_user,
        };
        let rows = values.iter().zip(0..).map(|pair| row(pair).into_active_model());
        user_attributes::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Adds to `inserts` the insertion of the values of users who have none yet, each with the names of the attributes whose values the user typed.
pub fn insert_all(inserts: &mut Inserts, given: impl Iterator<Item = (Uuid, Values, BTreeSet<String>)>) {
    let mut rows = Vec::new();
    for (user_id, values, typed) in given {
        for (name, texts) in values {
            let by_user = typed.contains(&name);
            let row = |(value, position)| user_attributes::Model { user_id, name: name.clone(), position, value, by_user };
            rows.extend(texts.into_iter().zip(0..).map(row));
        }
    }
    inserts.add::<user_attributes::Entity>(&rows);
}
