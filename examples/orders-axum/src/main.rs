//! Runs the orders service. The environment variables `ISSUER`, `AUDIENCE`, `LISTEN` and `JWKS_MAX_AGE` (in seconds) change its
//! settings.

use std::env;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use signet_verifier::Verifier;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orders-axum: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    // The verifier warns if it cannot read the keys or the revocations.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let max_age = setting("JWKS_MAX_AGE", "300").parse().map_err(|_| "JWKS_MAX_AGE: expected seconds")?;
    let (issuer, listen) = (setting("ISSUER", "http://localhost:8080"), setting("LISTEN", "127.0.0.1:9001"));
    let verifier = Verifier::issuer(&issuer)
        .audience(setting("AUDIENCE", "https://orders.example"))
        .refresh_within(Duration::from_secs(max_age))
        .build()
        .map_err(|error| error.to_string())?;
    let listener = tokio::net::TcpListener::bind(&listen).await.map_err(|error| format!("LISTEN: {listen}: {error}"))?;
    println!("Orders are at http://{listen}/orders, for tokens of {issuer}");
    axum::serve(listener, orders_axum::app(verifier)).await.map_err(|error| error.to_string())
}
