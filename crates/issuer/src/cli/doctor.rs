//! `signet doctor`: prints what the checks in admin/checks.rs find.

use crate::admin::checks;
use crate::cli::report::Report;
use crate::cli::rows_of;
use crate::config::Settings;

/// Runs all checks. The exit code of the report is 0 if every check is good, and 1 otherwise.
pub async fn run(settings: &Settings) -> Report {
    let findings = checks::run(settings).await;
    let good = findings.iter().all(|finding| finding.ok);
    let line = |finding: &checks::Finding| format!("{} {}: {}", if finding.ok { "ok  " } else { "FAIL" }, finding.check, finding.detail);
    let text = findings.iter().map(line).collect::<Vec<_>>().join("\n");
    Report::checked(text, rows_of(findings).into(), good)
}
