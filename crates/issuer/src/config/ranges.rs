//! The settings that are numbers: what each counts, and the least and the most that it may be.

use crate::clock::DAY;
use crate::config::error::invalid;
use crate::config::{ConfigError, MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK, MAX_TOKEN_LIFETIME, Settings};

/// The most days of a setting.
const MAX_DAYS: i64 = 3660;

/// A setting that is a number, with the values that it may have.
pub(super) struct Range {
    name: &'static str,
    value: i64,
    /// The words for the things that the number counts, such as ` of seconds`; empty if the name says it.
    unit: &'static str,
    least: i64,
    most: i64,
    /// The other settings on which a bound depends, or what a value outside the bounds means.
    note: &'static str,
}

impl Range {
    fn holds(&self) -> bool {
        (self.least..=self.most).contains(&self.value) || (self.name == "audit_retention" && self.value == 0)
    }

    /// Says in words which values are right.
    fn expected(&self) -> String {
        format!("a whole number{} from {} to {}{}", self.unit, self.least, self.most, self.note)
    }
}

/// Fails if a number in `settings` is out of its range.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    match all(settings).into_iter().find(|range| !range.holds()) {
        Some(range) => Err(invalid(range.name, format!("expected {}; found {}", range.expected(), range.value))),
        None => Ok(()),
    }
}

/// Says in words what the setting `name` may be, with its default as an example. `None` if it is no number.
pub(super) fn expected(name: &str, defaults: &Settings) -> Option<String> {
    let range = all(defaults).into_iter().find(|range| range.name == name)?;
    Some(format!("{}, such as {}", range.expected(), range.value))
}

/// Every setting that is a number. Where a bound follows from another setting, that one comes first, so that its error is the one shown.
fn all(settings: &Settings) -> Vec<Range> {
    let most_passes = MAX_ARGON2_WORK / u64::from(settings.argon2_memory_kib.max(1));
    let least_memory = 8 * i64::from(settings.argon2_parallelism.max(1));
    let number = |name, value, least, most| Range { name, value, unit: "", least, most, note: "" };
    let seconds = |name, value, least, most| Range { name, value, unit: " of seconds", least, most, note: "" };
    let days = |name, value: u32, least| Range { name, value: value.into(), unit: " of days", least, most: MAX_DAYS, note: "" };
    vec![
        seconds("access_token_lifetime", settings.access_token_lifetime, 1, MAX_TOKEN_LIFETIME),
        seconds("id_token_lifetime", settings.id_token_lifetime, 1, MAX_TOKEN_LIFETIME),
        seconds("refresh_absolute_lifetime", settings.refresh_absolute_lifetime, 60, 366 * DAY),
        Range {
            note: ", the most being refresh_absolute_lifetime",
            ..seconds("refresh_idle_lifetime", settings.refresh_idle_lifetime, 60, settings.refresh_absolute_lifetime)
        },
        seconds("jwks_max_age", settings.jwks_max_age, 1, 3600),
        seconds("key_refresh_interval", settings.key_refresh_interval, 1, 60),
        seconds("clock_skew", settings.clock_skew, 0, 300),
        Range {
            note: ", the least being key_refresh_interval + 2 * jwks_max_age + clock_skew + 5",
            ..seconds("key_publication_lead", settings.key_publication_lead, settings.least_publication_lead(), 7 * DAY)
        },
        Range {
            note: ", the least being 2 * key_publication_lead",
            ..seconds("key_rotation_period", settings.key_rotation_period, 2 * settings.key_publication_lead, 366 * DAY)
        },
        number("argon2_parallelism", settings.argon2_parallelism.into(), 1, 64),
        Range {
            unit: " of KiB",
            note: ", the least being 8 * argon2_parallelism",
            ..number("argon2_memory_kib", settings.argon2_memory_kib.into(), least_memory, MAX_ARGON2_MEMORY_KIB.into())
        },
        number("argon2_iterations", settings.argon2_iterations.into(), 1, signed(most_passes)),
        number("hash_threads", signed(settings.hash_threads), 1, 1024),
        number("hash_queue", signed(settings.hash_queue), 1, 100_000),
        number("account_attempts", settings.account_attempts.into(), 1, 1000),
        seconds("account_max_delay", settings.account_max_delay, 1, DAY),
        number("address_attempts", settings.address_attempts.into(), 1, 1_000_000),
        seconds("address_window", settings.address_window, 1, DAY),
        seconds("failed_sign_in_retention", settings.failed_sign_in_retention, 3600, 3660 * DAY),
        Range { note: ", or 0 to keep all events", ..seconds("audit_retention", settings.audit_retention, DAY, 36_600 * DAY) },
        seconds("activity_retention", settings.activity_retention, DAY, 3660 * DAY),
        seconds("session_absolute_lifetime", settings.session_absolute_lifetime, 60, 366 * DAY),
        Range {
            note: ", the most being session_absolute_lifetime",
            ..seconds("session_idle_lifetime", settings.session_idle_lifetime, 60, settings.session_absolute_lifetime)
        },
        days("registered_client_unused_days", settings.registered_client_unused_days, 0),
        days("client_secret_max_age_days", settings.client_secret_max_age_days, 1),
        seconds("fetch_timeout", signed(settings.fetch_timeout), 1, 30),
        number("fetches_at_once", signed(settings.fetches_at_once), 1, 1000),
        number("fetches_in_all", settings.fetches_in_all.into(), 1, 1_000_000),
        number("fetches_per_address", settings.fetches_per_address.into(), 1, 1_000_000),
        number("fetches_per_token", settings.fetches_per_token.into(), 1, 1_000_000),
        seconds("fetch_window", signed(settings.fetch_window), 1, DAY),
        number("max_connections", signed(settings.max_connections), 1, 1_000_000),
        number("max_connections_per_address", signed(settings.max_connections_per_address), 1, 1_000_000),
        number("health_connections", signed(settings.health_connections), 1, 1000),
        seconds("header_timeout", signed(settings.header_timeout), 1, 3600),
        seconds("write_timeout", signed(settings.write_timeout), 1, 3600),
        seconds("shutdown_timeout", signed(settings.shutdown_timeout), 0, 3600),
    ]
}

fn signed<N: TryInto<i64>>(value: N) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
