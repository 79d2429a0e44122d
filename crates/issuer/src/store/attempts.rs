//! Counters of password guesses. One statement both counts and refuses, so that parallel guesses cannot exceed the limits.

use std::collections::HashMap;
use std::sync::LazyLock;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::clock::UnixSeconds;
use crate::store::StoreError;
use crate::store::entity::attempts::{Column, Entity};
use crate::store::query::{self, text};

/// The counter of an account starts anew after this many seconds without an attempt.
const FORGET_AFTER: UnixSeconds = 3600;

/// The limits on attempts, as the settings give them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The number of wrong passwords for one account after which each further attempt must wait 1, 2, 4, … seconds.
    pub account_attempts: i32,
    /// The longest of these waits, in seconds.
    pub account_max_delay: UnixSeconds,
    /// The largest number of attempts from one address within [`Limits::address_window`].
    pub address_attempts: i32,
    /// The length of the window, in seconds.
    pub address_window: UnixSeconds,
}

// $1 account, $2 address, $3 now, $4 attempts of an account, $5 its longest delay, $6 attempts of an address, $7 its window, $8 name of the
// account.
static COUNT: LazyLock<String> = LazyLock::new(|| {
    // Times are whole seconds, so an account stays blocked until the second `blocked_until` is over. Otherwise it could try again
    // up to a second too early.
    let forgotten = format!("a.last_at + {FORGET_AFTER} <= $3");
    let over = "(a.counted_since + $7 <= $3 OR a.counted_since > $3)";
    let may_go_on =
        format!("(a.key = $1 AND (a.blocked_until < $3 OR a.blocked_until > $3 + $5) OR a.key = $2 AND (a.count < $6 OR {over}))");
    format!(
        "INSERT INTO attempts AS a (key, account, count, counted_since, last_at, blocked_until) \
         SELECT n.key, CASE WHEN n.key = $1 THEN $8 END, 1, $3, $3, CASE WHEN n.key = $1 AND $4 <= 1 THEN $3 + 1 ELSE 0 END \
         FROM (SELECT $1 AS key UNION ALL SELECT $2) n \
         WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.key IN ($1, $2) AND NOT {may_go_on}) \
         ON CONFLICT (key) DO UPDATE SET \
           count = CASE WHEN a.key = $1 AND {forgotten} OR a.key = $2 AND {over} THEN 1 ELSE a.count + 1 END, \
           counted_since = CASE WHEN a.key = $2 AND NOT {over} THEN a.counted_since ELSE $3 END, \
           last_at = $3, \
           blocked_until = CASE \
             WHEN a.key = $2 OR {forgotten} OR a.count + 1 < $4 THEN 0 \
             WHEN a.count + 1 - $4 > 20 OR (1 << (a.count + 1 - $4)) > $5 THEN $3 + $5 \
             ELSE $3 + (1 << (a.count + 1 - $4)) END \
         WHERE {may_go_on}"
    )
});

/// Counts an attempt on `account`, which is a counter of the account `name`, from `address`, in one statement. Returns `false` if either must
/// wait. Then neither is counted, unless parallel attempts were counted at the same moment.
pub async fn count(
    db: &impl ConnectionTrait,
    (account, name): (&str, &str),
    address: &str,
    limits: Limits,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let Limits { account_attempts, account_max_delay, address_attempts, address_window } = limits;
    let values = [
        account.into(),
        address.into(),
        now.into(),
        account_attempts.into(),
        account_max_delay.into(),
        address_attempts.into(),
        address_window.into(),
        name.into(),
    ];
    Ok(db.execute_raw(text(db, COUNT.as_str(), values)).await?.rows_affected() == 2)
}

#[derive(FromQueryResult)]
struct Wait {
    until: Option<UnixSeconds>,
}

/// Returns the time until which `account` or `address` must wait, in Unix seconds. `None` if neither must.
pub async fn waits_until(
    db: &impl ConnectionTrait,
    account: &str,
    address: &str,
    limits: Limits,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, StoreError> {
    let sql = "SELECT MAX(CASE WHEN key = $1 THEN blocked_until + 1 WHEN count >= $3 THEN counted_since + $4 ELSE 0 END) AS until \
               FROM attempts WHERE key IN ($1, $2)";
    let values = [account.into(), address.into(), limits.address_attempts.into(), limits.address_window.into()];
    let wait = Wait::find_by_statement(text(db, sql, values)).one(db).await?;
    Ok(wait.and_then(|wait| wait.until).filter(|until| *until > now))
}

/// After a right password, resets the counter of the account and takes one attempt off the counter of the address.
pub async fn succeed(db: &impl ConnectionTrait, account: &str, address: &str) -> Result<(), StoreError> {
    let one_less = Expr::col(Column::Count).sub(1);
    uncount(db, account, address, CaseStatement::new().case(Column::Key.eq(account), 0).finally(one_less).into()).await
}

/// Takes one attempt off the counters of the account and of the address, because no password was compared.
pub async fn give_back(db: &impl ConnectionTrait, account: &str, address: &str) -> Result<(), StoreError> {
    uncount(db, account, address, Expr::col(Column::Count).sub(1)).await
}

/// Sets both counts to `count`, and unblocks the account. Locks the account before the address, as the order of locks in
/// [`crate::store`] requires.
async fn uncount(db: &impl ConnectionTrait, account: &str, address: &str, count: Expr) -> Result<(), StoreError> {
    let account_first: Expr = CaseStatement::new().case(Column::Key.eq(account), 0).finally(1).into();
    let counted = Entity::find()
        .select_only()
        .column(Column::Key)
        .filter(Column::Key.is_in([account, address]))
        .filter(Column::Count.gt(0))
        .order_by_asc(account_first)
        .lock(LockType::Update)
        .into_query();
    let blocked_until = CaseStatement::new().case(Column::Key.eq(account), 0_i64).finally(Expr::col(Column::BlockedUntil));
    Entity::update_many()
        .col_expr(Column::Count, count)
        .col_expr(Column::BlockedUntil, blocked_until.into())
        .filter(Column::Key.in_subquery(counted))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes all counters of the account `name`, those of its devices and of clients too. Returns their number.
pub async fn forget(db: &impl ConnectionTrait, name: &str) -> Result<u64, StoreError> {
    Ok(Entity::delete_many().filter(Column::Account.eq(name)).exec(db).await?.rows_affected)
}

/// Returns for each of the accounts `names` the time until which one of its counters makes attempts wait, in Unix seconds. An account that
/// need not wait at `now` is left out.
pub async fn blocked(
    db: &impl ConnectionTrait,
    names: impl Iterator<Item = String>,
    now: UnixSeconds,
) -> Result<HashMap<String, UnixSeconds>, StoreError> {
    let rows = Entity::find().filter(Column::Account.is_in(names)).filter(Column::BlockedUntil.gte(now));
    let mut blocked = HashMap::new();
    for row in rows.all(db).await? {
        let Some(account) = row.account else { continue };
        let until = blocked.entry(account).or_insert(row.blocked_until);
        *until = Ord::max(*until, row.blocked_until);
    }
    Ok(blocked)
}

/// Deletes up to `limit` counters whose last attempt was before `before`; returns their number.
pub async fn purge(db: &impl ConnectionTrait, before: UnixSeconds, limit: i64) -> Result<u64, StoreError> {
    query::purge::<Entity>(db, Column::LastAt.lt(before), limit).await
}
