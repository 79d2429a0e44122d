//! `signet doctor`: what an administrator would check by hand. Changes nothing.

use serde_json::json;

use crate::cli::CliError;
use crate::cli::report::Report;
use crate::cli::resource::is_a_resource;
use crate::clock::{Clock, SystemClock};
use crate::config::{Settings, VERIFIER_MIN_MAX_AGE};
use crate::keys::{KeyError, KeyRing, master};
use crate::store::Store;
use crate::store::resources;
use crate::store::schema::{self, SchemaState};

/// Finding: what was checked, whether it is good, and what to know or do.
type Finding = (&'static str, bool, String);

/// Runs all checks; the exit code tells whether all are good.
pub async fn run(settings: Settings) -> Result<Report, CliError> {
    let mut findings = vec![("settings", true, format!("issuer {}, listening on {}", settings.issuer, settings.listen))];
    if settings.jwks_max_age < VERIFIER_MIN_MAX_AGE {
        let detail =
            format!("under {VERIFIER_MIN_MAX_AGE} s: so long verifiers keep keys whatever it says, unless they set refresh_within");
        findings.push(("jwks_max_age", false, detail));
    }
    if settings.issuer.is_loopback() && !settings.listen.ip().is_loopback() {
        findings.push((
            "issuer",
            false,
            "it is loopback, but the server listens beyond this machine: set issuer to the https URL that clients use".to_owned(),
        ));
    }
    check_database(&settings, &mut findings).await;

    let good = findings.iter().all(|(_, good, _)| *good);
    let lines: Vec<String> =
        findings.iter().map(|(name, good, detail)| format!("{} {name}: {detail}", if *good { "ok  " } else { "FAIL" })).collect();
    let json = findings.iter().map(|(name, good, detail)| json!({ "check": name, "ok": good, "detail": detail })).collect();
    Ok(Report::checked(lines.join("\n"), json, good))
}

async fn check_database(settings: &Settings, findings: &mut Vec<Finding>) {
    // Connecting would make the file.
    if let Some(file) = settings.database_url.sqlite_file().filter(|file| !file.exists()) {
        findings.push(("database", false, format!("{} does not exist yet; `signet serve` makes it", file.display())));
        return;
    }
    let store = match Store::connect(&settings.database_url).await {
        Ok(store) => store,
        Err(error) => return findings.push(("database", false, error.to_string())),
    };
    let state = schema::state(&store).await;
    let detail = match &state {
        Ok(SchemaState::Current) => "reached, schema up to date".to_owned(),
        Ok(SchemaState::Empty) => "reached, but empty; `signet serve` fills it".to_owned(),
        Ok(SchemaState::Older) => "the schema is older than this program; `signet migrate` updates it".to_owned(),
        Ok(SchemaState::Newer) => "the schema is newer than this program; use a later version of Signet".to_owned(),
        Err(error) => error.to_string(),
    };
    let current = matches!(state, Ok(SchemaState::Current));
    findings.push(("database", current, detail));
    if current {
        match resources::registered_as_issuer(store.reader(), &settings.issuer).await {
            Ok(Some(identifier)) => findings.push(("issuer", false, is_a_resource(&identifier))),
            Ok(None) => {}
            Err(error) => findings.push(("issuer", false, error.to_string())),
        }
        check_keys(settings, &store, findings).await;
        findings.extend(check_default_client(settings, &store).await);
    }
}

async fn check_keys(settings: &Settings, store: &Store, findings: &mut Vec<Finding>) {
    let clock = SystemClock::default();
    let master = match master::load(settings, store, clock.now()).await {
        Ok(Some(master)) => master,
        Ok(None) => return findings.push(("master key", false, "there is none yet; `signet serve` makes it".to_owned())),
        Err(error) => return findings.push(("master key", false, error.to_string())),
    };
    findings.push(("master key", true, format!("version {}, in {}", master.current(), settings.keys_dir.display())));
    let ring = match KeyRing::new(settings).fresh(store, &master, &clock, settings).await {
        Ok(ring) => ring,
        Err(error) => return findings.push(("signing key", false, error.to_string())),
    };
    match ring.signer(clock.now()) {
        Ok(signer) => findings.push(("signing key", true, format!("{} signs", signer.kid))),
        Err(KeyError::NoneActive) => findings.push(("signing key", false, "none is active; `signet keys rotate` makes one".to_owned())),
        // It is among those below.
        Err(_) => {}
    }
    for (kid, reason) in ring.unusable() {
        findings.push(("signing key", false, format!("{kid} cannot be used: {reason}; `signet keys revoke {kid}` takes it out")));
    }
}

async fn check_default_client(settings: &Settings, store: &Store) -> Option<Finding> {
    let id = settings.default_client.as_deref()?;
    let (good, detail) = match store.client(id).await {
        Ok(Some(client)) if client.enabled && client.public => (true, format!("{id} is used where a request names none")),
        Ok(Some(_)) => (false, format!("{id} is disabled or not public; requests that name no client are refused")),
        Ok(None) => (false, format!("there is no client {id}; requests that name no client are refused")),
        Err(error) => (false, error.to_string()),
    };
    Some(("default_client", good, detail))
}
