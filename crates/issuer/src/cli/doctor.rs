//! `signet doctor`

use crate::admin::checks;
use crate::cli::report::Report;
use crate::cli::rows_of;
use crate::config::Settings;

/// Runs all checks; the exit code tells whether all are good.
pub async fn run(settings: &Settings) -> Report {
    let findings = checks::run(settings).await;
    let good = findings.iter().all(|finding| finding.ok);
    let line = |finding: &checks::Finding| format!("{} {}: {}", if finding.ok { "ok  " } else { "FAIL" }, finding.check, finding.detail);
    let text = findings.iter().map(line).collect::<Vec<_>>().join("\n");
    Report::checked(text, rows_of(findings).into(), good)
}
