//! The checks of `signet doctor`: settings, files, database and keys. They change nothing. A server on a public address logs the same when
//! it starts.

mod clients;
mod files;
mod streams;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::{Operation, Reading, Refused};
use crate::app::App;
use crate::clock::{Clock, SystemClock};
use crate::config::{Settings, VERIFIER_MIN_MAX_AGE};
use crate::fetch::own;
use crate::keys::{KeyError, KeyRing, RingContext, master_check};
use crate::oauth::issuer::Issuer;
use crate::store::schema::{self, SchemaState};
use crate::store::{Store, StoreError, resources, users};

/// The result of one check.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Finding {
    /// The setting or part that was checked.
    pub check: &'static str,
    /// `false` if an administrator must do something.
    pub ok: bool,
    /// The result, and if the check failed, what to do about it.
    pub detail: String,
}

impl Finding {
    fn good(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into() }
    }

    fn bad(check: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        // Errors of the database begin with its name, which is that of the check.
        let detail = detail.strip_prefix(&format!("{check}: ")).map_or_else(|| detail.clone(), str::to_owned);
        Self { check, ok: false, detail }
    }
}

/// The number up to which hashes of other systems are counted where many people wait for the answer. The command counts all.
const MOST_COUNTED: u32 = 1000;

/// Runs all checks on the issuer with these settings, and asks the server that runs with them, if one does.
pub async fn run(settings: &Settings) -> Vec<Finding> {
    let mut findings = of_settings(settings);
    findings.extend(check_database(settings).await);
    findings.extend(check_running(settings).await);
    findings
}

/// Runs all checks on the issuer that serves the request.
pub async fn list(reading: &Reading<'_>) -> Result<Vec<Finding>, Refused> {
    let app = reading.permit(Operation::CheckList)?;
    let mut findings = at_start(app).await;
    findings.extend(check_running(&app.settings).await);
    Ok(findings)
}

/// Runs the checks on an issuer that starts, whose database is open.
pub async fn at_start(app: &App) -> Vec<Finding> {
    let mut findings = of_settings(&app.settings);
    findings.extend(of_database(&app.settings, &app.store, Some(MOST_COUNTED)).await);
    findings
}

/// Runs the checks that need no database.
fn of_settings(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![Finding::good("settings", format!("issuer {}, listening on {}", settings.issuer, settings.listen))];
    if settings.jwks_max_age < VERIFIER_MIN_MAX_AGE {
        let detail =
            format!("it is less than {VERIFIER_MIN_MAX_AGE} s; verifiers keep keys for that long anyway, unless they set refresh_within");
        findings.push(Finding::bad("jwks_max_age", detail));
    }
    if settings.issuer.is_loopback() && !settings.listen.ip().is_loopback() {
        let detail = "it is a loopback URL, but other machines can reach the server; set issuer to the https URL that clients use";
        findings.push(Finding::bad("issuer", detail));
    }
    findings.extend(check_proxies(settings));
    findings.extend(files::check(settings));
    findings
}

fn check_proxies(settings: &Settings) -> Option<Finding> {
    let name = "trusted_proxies";
    match &settings.trusted_proxies {
        None => settings.check_serving().err().map(|error| Finding::bad(name, error.to_string())),
        Some(networks) if networks.is_empty() => {
            let detail =
                "it is empty, so each request counts for the address of its peer; behind a proxy, all people would share one limit";
            Some(Finding::good(name, detail))
        }
        Some(networks) if networks.iter().any(|network| network.prefix_len() == 0) => {
            let detail = "it holds every address, so whoever asks could choose the address that counts; set it to the networks of the TLS front alone";
            Some(Finding::bad(name, detail))
        }
        Some(networks) => {
            let networks = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let header = settings.forwarded_header.as_str();
            Some(Finding::good(name, format!("requests from {networks} count for the address that they name in {header}")))
        }
    }
}

/// Asks the running server whether it is ready, and what it has noticed.
async fn check_running(settings: &Settings) -> Vec<Finding> {
    let Some(answer) = own::ask(settings.listen, "/health/ready").await else { return Vec::new() };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let state = match answer["status"].as_str() {
        Some("ready") => Finding::good("server", format!("it runs on {} and is ready", settings.listen)),
        Some("not ready") => {
            Finding::bad("server", format!("it runs on {} and is not ready: {}", settings.listen, text(&answer["detail"])))
        }
        _ => return Vec::new(),
    };
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.map(|warning| Finding::bad("requests", format!("{}; the log names the peer", text(warning))));
    [state].into_iter().chain(warnings).collect()
}

/// Returns what to do if a registered resource has the identifier of a built-in one, because the issuer must not start then. `None`
/// if there is no such resource.
pub async fn clash_of_names(store: &Store, issuer: &Issuer) -> Result<Option<String>, StoreError> {
    let clash = resources::registered_as_issuer(store.reader(), issuer).await?;
    Ok(clash.map(|identifier| {
        format!("{identifier} is registered as a resource; choose another issuer, or run `signet resource remove {identifier}` first")
    }))
}

async fn check_database(settings: &Settings) -> Vec<Finding> {
    // Do not connect, because that would create the file.
    if let Some(file) = settings.database_url.sqlite_file().filter(|file| !file.exists()) {
        return vec![Finding::bad("database", format!("{} does not exist yet; `signet serve` creates it", file.display()))];
    }
    let store = match Store::connect(&settings.database_url, settings.max_connections).await {
        Ok(store) => store,
        Err(error) => return vec![Finding::bad("database", error.to_string())],
    };
    let mut findings = of_database(settings, &store, None).await;
    // The whole file is read, which takes seconds for a large one, so that only `signet doctor` does it.
    match store.damage().await {
        Ok(None) => {}
        Ok(Some(damage)) => {
            let advice = "stop Signet and restore a backup, as docs/deploy.md says";
            findings.push(Finding::bad("database", format!("the file is damaged; {advice} ({})", damage.replace('\n', " "))));
        }
        Err(error) => findings.push(Finding::bad("database", error.to_string())),
    }
    findings
}

/// Runs the checks of the database. Hashes of other systems are counted up to `most`.
async fn of_database(settings: &Settings, store: &Store, most: Option<u32>) -> Vec<Finding> {
    match schema::state(store).await {
        Ok(SchemaState::Current) => {}
        Ok(SchemaState::Empty) => return vec![Finding::bad("database", "it was reached, but it is empty; `signet serve` sets it up")],
        Ok(SchemaState::Older) => {
            return vec![Finding::bad("database", "the schema is older than this program; `signet migrate` updates it")];
        }
        Ok(SchemaState::Newer) => {
            return vec![Finding::bad("database", "the schema is newer than this program; use a later version of Signet")];
        }
        Err(error) => return vec![Finding::bad("database", error.to_string())],
    }
    let mut findings = vec![Finding::good("database", "it was reached, and its schema is up to date")];
    match clash_of_names(store, &settings.issuer).await {
        Ok(clash) => findings.extend(clash.map(|clash| Finding::bad("issuer", clash))),
        Err(error) => findings.push(Finding::bad("issuer", error.to_string())),
    }
    findings.extend(check_password_hashes(store, most).await);
    findings.extend(check_keys(settings, store).await);
    findings.extend(check_default_client(settings, store).await);
    findings.extend(check_default_resource(settings, store).await);
    findings.extend(clients::check(settings, store).await);
    findings.extend(streams::check(store).await);
    findings
}

/// Counts the hashes of other systems that are left.
async fn check_password_hashes(store: &Store, most: Option<u32>) -> Option<Finding> {
    const CHECK: &str = "password hashes";
    match users::count_foreign_hashes(store.reader(), most.map(|most| most + 1)).await {
        Ok(0) => None,
        Ok(1) => Some(Finding::good(CHECK, "1 user has a hash of another system, which their next sign-in replaces")),
        Ok(number) if most.is_some_and(|most| number > u64::from(most)) => Some(Finding::good(
            CHECK,
            "more than 1,000 users have hashes of other systems, which their next sign-ins replace; `signet doctor` counts them",
        )),
        Ok(number) => Some(Finding::good(CHECK, format!("{number} users have hashes of other systems, which their next sign-ins replace"))),
        Err(error) => Some(Finding::bad(CHECK, error.to_string())),
    }
}

async fn check_keys(settings: &Settings, store: &Store) -> Vec<Finding> {
    let clock = SystemClock::default();
    let master = match master_check::load(settings, store, clock.now()).await {
        Ok(Some(master)) => master,
        Ok(None) => return vec![Finding::bad("master key", "there is none yet; `signet serve` creates it")],
        Err(error) => return vec![Finding::bad("master key", error.to_string())],
    };
    let mut findings = vec![Finding::good("master key", format!("version {}, in {}", master.current(), settings.keys_dir.display()))];
    let ring = match KeyRing::new(settings).fresh(RingContext { store, master: &master, clock: &clock, settings }).await {
        Ok(ring) => ring,
        Err(error) => {
            let check = if matches!(error, KeyError::Store(_)) { "database" } else { "signing key" };
            findings.push(Finding::bad(check, error.to_string()));
            return findings;
        }
    };
    match ring.signer(clock.now()) {
        Ok(signer) => findings.push(Finding::good("signing key", format!("{} signs", signer.kid))),
        Err(KeyError::NoneActive) => findings.push(Finding::bad("signing key", "none is active; `signet keys rotate` creates one")),
        // The loop below reports a key that cannot be used.
        Err(_) => {}
    }
    for (kid, reason) in ring.unusable() {
        let detail = format!("{kid} cannot be used: {reason}; `signet keys revoke {kid}` removes it");
        findings.push(Finding::bad("signing key", detail));
    }
    findings
}

async fn check_default_resource(settings: &Settings, store: &Store) -> Option<Finding> {
    const CHECK: &str = "registration_default_resource";
    let identifier = settings.registration_default_resource.as_deref()?;
    Some(match resources::registered(store.reader(), identifier).await {
        Ok(Some(_)) => Finding::good(CHECK, format!("{identifier} is the default of clients that register themselves")),
        Ok(None) => Finding::bad(CHECK, format!("there is no resource {identifier}; `signet resource add {identifier}` adds it")),
        Err(error) => Finding::bad(CHECK, error.to_string()),
    })
}

async fn check_default_client(settings: &Settings, store: &Store) -> Option<Finding> {
    let id = settings.default_client.as_deref()?;
    let finding = match store.client(id).await {
        Ok(Some(client)) if client.enabled && client.public => {
            Finding::good("default_client", format!("{id} is used for requests that name no client"))
        }
        Ok(Some(_)) => Finding::bad("default_client", format!("{id} is disabled or not public; requests that name no client are refused")),
        Ok(None) => Finding::bad("default_client", format!("there is no client {id}; requests that name no client are refused")),
        Err(error) => Finding::bad("default_client", error.to_string()),
    };
    Some(finding)
}
