//! Runs the orders service. Settings: `ISSUER`, `AUDIENCE`, `LISTEN`, `JWKS_MAX_AGE` (seconds).

use std::env;
use std::time::Duration;

use signet_verifier::Verifier;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let max_age = Duration::from_secs(setting("JWKS_MAX_AGE", "300").parse()?);
    let verifier = Verifier::issuer(setting("ISSUER", "http://localhost:8080"))
        .audience(setting("AUDIENCE", "https://orders.example"))
        .refresh_within(max_age)
        .build()?;
    let listener = tokio::net::TcpListener::bind(setting("LISTEN", "127.0.0.1:9001")).await?;
    axum::serve(listener, orders_axum::app(verifier)).await?;
    Ok(())
}
