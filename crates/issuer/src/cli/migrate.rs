//! `signet migrate`: brings the database up to date without serving.

use std::sync::Arc;

use serde_json::json;

use crate::cli::CliError;
use crate::cli::report::{self, Report};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::start;

/// Opens the issuer, which migrates its database and performs the first start on an empty one, and closes it again.
pub async fn run(settings: Settings) -> Result<Report, CliError> {
    let (app, administrator) = start::open(settings, Arc::new(SystemClock::default())).await?;
    let first_start = administrator.as_ref().map(report::first_start_json);
    let text = match &administrator {
        Some(administrator) => report::first_start(administrator, &app.settings),
        None => "The database is up to date.".to_owned(),
    };
    start::close(&app).await?;
    Ok(Report::new(text, json!({ "first_start": first_start })))
}
