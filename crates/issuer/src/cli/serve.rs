//! `signet serve`: runs the issuer.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::admin::checks::{self, Finding};
use crate::app::App;
use crate::cli::report::{self, Report};
use crate::cli::{CliError, refuse};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::server;
use crate::start::{self, Administrator};
use crate::telemetry;

/// Serves until Ctrl-C or SIGTERM. Then lets requests in flight finish and closes the database.
pub async fn run(settings: Settings, json: bool) -> Result<Report, CliError> {
    settings.check_serving()?;
    telemetry::start(&settings);
    // Bind before the first start creates the administrator. Otherwise a port that is taken would end the process before the
    // administrator's password was printed.
    let listener = match TcpListener::bind(settings.listen).await {
        Ok(listener) => listener,
        Err(error) => return refuse(format!("setting listen: cannot listen on {}: {error}", settings.listen)),
    };
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (app, administrator) = start::open(settings, Arc::new(SystemClock::default())).await?;
    start::check_serving(&app).await?;
    if !app.settings.listen.ip().is_loopback() {
        say_what_doctor_says(&app).await;
    }
    let issuer = app.settings.issuer.clone();
    // At the first start, the password of the administrator is lost with the start lines.
    let stops = match &administrator {
        None => "the server stops, because it could not print that it has started".to_owned(),
        Some(Administrator { username, .. }) => format!(
            "the server stops, because it could not print the password of the user {username}; \
             `signet user set-password {username}` sets another"
        ),
    };
    if json {
        report::say(json!({ "issuer": issuer.as_str(), "first_start": administrator.as_ref().map(report::first_start_json) }), &stops)?;
    } else {
        if let Some(administrator) = &administrator {
            report::say(report::first_start(administrator, &app.settings), &stops)?;
        }
        report::say(format_args!("Signet serves {issuer} on {}", app.settings.listen), &stops)?;
    }
    drop(administrator);

    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    server::serve(Arc::clone(&app), listener, stop).await?;
    start::close(&app).await?;
    Ok(Report::new("", Value::Null))
}

/// Logs what `signet doctor` would print. Nobody may be at hand who runs it where a server starts by itself.
async fn say_what_doctor_says(app: &App) {
    for Finding { check, ok, detail } in checks::at_start(app).await {
        if ok {
            tracing::info!("{check}: {detail}");
        } else {
            tracing::warn!("{check}: {detail}");
        }
    }
}
