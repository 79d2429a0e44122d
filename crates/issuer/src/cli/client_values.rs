//! The values of options of `signet client`, and the report that shows a secret.

use serde_json::json;

use crate::admin::presets::Paste;
use crate::cli::parse_choice;
use crate::cli::report::Report;
use crate::clock::{DAY, UnixSeconds};
use crate::oauth::access::Access;
use crate::oauth::pkce::Pkce;

/// Parses the value of `--pkce`.
pub(super) fn parse_pkce(text: &str) -> Result<Pkce, String> {
    parse_choice(text, &Pkce::ALL, Pkce::as_str)
}

/// Parses the value of `--access`.
pub(super) fn parse_access(text: &str) -> Result<Access, String> {
    parse_choice(text, &Access::ALL, Access::as_str)
}

/// Parses a time such as `7d`, and returns it in seconds.
pub(super) fn parse_duration(text: &str) -> Result<UnixSeconds, String> {
    let expected = || "expected a whole number with d, h, m or s, such as 7d".to_owned();
    let unit = match text.chars().last() {
        Some('d') => DAY,
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(expected()),
    };
    let number: UnixSeconds = text[..text.len() - 1].parse().map_err(|_| expected())?;
    number.checked_mul(unit).ok_or_else(expected)
}

/// Returns the report of a client that was added, or got a secret.
pub(super) fn secret_report(id: &str, secret: Option<String>) -> Report {
    match secret {
        Some(secret) => {
            let text = format!("client_id      {id}\nclient_secret  {secret}\n\nThe secret is not shown again.");
            Report::new(text, json!({ "client_id": id, "client_secret": secret }))
        }
        None => Report::new(format!("client_id  {id}"), json!({ "client_id": id })),
    }
}

/// Adds the lines to paste into the application.
pub(super) fn with_lines(report: Report, proof: &str, lines: &[Paste]) -> Report {
    let parts: Vec<String> = lines.iter().map(|paste| format!("{}:\n\n{}", paste.place, paste.text)).collect();
    report.with(&format!("{proof}\n\n{}", parts.join("\n\n")), "paste", json!(lines))
}
