//! The checks of the clients' secrets.

use crate::admin::checks::Finding;
use crate::admin::words::counted;
use crate::clock::{Clock, DAY, SystemClock};
use crate::config::Settings;
use crate::store::{Store, client_secrets};

/// The largest number of secrets that a finding names.
const MOST_NAMED: usize = 10;

/// Names the clients whose secrets are older than `client_secret_max_age_days`.
pub(super) async fn check(settings: &Settings, store: &Store) -> Vec<Finding> {
    let (now, days) = (SystemClock::default().now(), i64::from(settings.client_secret_max_age_days));
    let old = match client_secrets::older_than(store.reader(), now - days * DAY, now, MOST_NAMED as u64 + 1).await {
        Ok(old) => old,
        Err(error) => return vec![Finding::bad("client secrets", error.to_string())],
    };
    if old.is_empty() {
        return vec![Finding::good("client secrets", format!("none is older than {}", counted(days, "day", "days")))];
    }
    let named = old
        .iter()
        .take(MOST_NAMED)
        .map(|secret| format!("{} ({})", secret.client_id, counted((now - secret.created_at) / DAY, "day", "days")));
    let more = if old.len() > MOST_NAMED { " and others" } else { "" };
    let list = named.collect::<Vec<_>>().join(", ");
    let days = counted(days, "day", "days");
    let detail = format!("these are older than {days}: {list}{more}; `signet client rotate-secret ID` replaces one");
    vec![Finding::bad("client secrets", detail)]
}
