//! Reads how many sign-ins and tokens there were in the last hours, for charts.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::{Operation, Reading, Refused};
use crate::audit::activity::KINDS;
use crate::clock::{DAY, HOUR, UnixSeconds, rfc3339};
use crate::store::{activity, clients};

/// The counts of one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourView {
    /// The time at which the hour begins.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub hour: UnixSeconds,
    /// Each kind of [`KINDS`] with its count, also where that is 0.
    #[serde(flatten)]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub counts: BTreeMap<&'static str, i64>,
}

/// Returns the counts of the last `hours` hours, the present one included, oldest first. They are those of the client `client`, or of all
/// clients, and lag by a minute. Fails with [`Refused::Invalid`] if `hours` is 0 or reaches beyond what is kept, and with
/// [`Refused::NotFound`] if there is no such client, and none of that id was used in these hours and then removed.
pub async fn hours(reading: &Reading<'_>, client: Option<&str>, hours: u32) -> Result<Vec<HourView>, Refused> {
    let app = reading.permit(Operation::ActivityShow)?;
    let most = (app.settings.activity_retention.min(366 * DAY) / HOUR).max(1);
    let hours = i64::from(hours);
    if !(1..=most).contains(&hours) {
        return Err(Refused::invalid("hours", format!("1 to {most}, such as 24; found {hours}")));
    }
    let now = app.now();
    let first = now - now.rem_euclid(HOUR) - (hours - 1) * HOUR;
    let mut views: Vec<HourView> =
        (0..hours).map(|number| HourView { hour: first + number * HOUR, counts: KINDS.iter().map(|kind| (*kind, 0)).collect() }).collect();
    let db = app.store.reader();
    let rows = activity::since(db, client.unwrap_or_default(), first).await?;
    if let (Some(id), []) = (client, &rows[..])
        && clients::row(db, id).await?.is_none()
    {
        return Err(Refused::not_found("client", id));
    }
    for row in rows {
        let index = usize::try_from((row.hour - first) / HOUR).unwrap_or(usize::MAX);
        if let Some(count) = views.get_mut(index).and_then(|view| view.counts.get_mut(row.kind.as_str())) {
            *count += row.count;
        }
    }
    Ok(views)
}
