//! Loads the real server and prints the tokens per CPU-second of its process, its memory and its start time. Each load is compared
//! with the bare cryptography that the machine does per core at the same time.
//!
//! `cargo bench -p signet-issuer` runs all loads on SQLite, and on PostgreSQL too if `TEST_POSTGRES_URL` names a server. Words after
//! `--`, such as `password`, select the loads whose names contain one of them. If `BASELINE` is the path of another binary of
//! `signet`, the benchmark compares that binary with this one instead. The word `import` alone measures the import of users (import.rs),
//! `memory` the memory under bursts of sign-ins (memory.rs), and `large` the issuer with a million users (large.rs). Where PostgreSQL runs on
//! this machine, the tokens per CPU-second are also told with the CPU time of its processes.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a benchmark measures real time, and may panic when a step fails")]

mod compare;
mod cpu;
mod import;
mod large;
mod limits;
mod loads;
mod memory;
mod seed;
mod server;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use limits::{ARGON2, ARGON2_KEPT, Limit, RSA};
use loads::Loads;
use server::{Rate, Server};

const CONNECTIONS: usize = 16;
/// The length of one load, and of one measurement of a limit.
const LENGTH: Duration = Duration::from_secs(3);
const ROUNDS: u32 = 4;
const PASSWORD: &str = "correct horse battery staple";
const CALLBACK: &str = "https://app.example/cb";
/// The binary that is measured.
const THIS: &str = env!("CARGO_BIN_EXE_signet");

/// Measures the limits and the load in turn, [`ROUNDS`] times, because the speed of a shared machine varies. Prints the means.
fn beside(what: &str, limits: &[Limit], load: impl Fn() -> Rate) {
    let mut wanted = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    if wanted.peek().is_some() && !wanted.any(|word| what.contains(&word)) {
        return;
    }
    let (mut per_cpu, mut with_database, mut per_second, mut bare) = (0.0, Some(0.0), 0.0, vec![0.0; limits.len()]);
    for _ in 0..ROUNDS {
        for (sum, (_, limit)) in bare.iter_mut().zip(limits) {
            *sum += limit() / f64::from(ROUNDS);
        }
        let rate = load();
        per_cpu += rate.per_cpu / f64::from(ROUNDS);
        with_database = with_database.zip(rate.with_database).map(|(sum, rate)| sum + rate / f64::from(ROUNDS));
        per_second += rate.per_second / f64::from(ROUNDS);
    }
    println!("  {what:34} {per_cpu:8.0} per CPU-second   ({per_second:.0} per second)");
    if let Some(per_cpu) = with_database {
        println!("    with the CPU of the database     {per_cpu:8.0} per CPU-second");
    }
    for ((name, _), bare) in limits.iter().zip(bare) {
        println!("    {:.2} of {name}, {bare:.1}", per_cpu / bare);
    }
}

fn measure(name: &str, database_url: &str) {
    let mut server = Server::start(Path::new(THIS), database_url);
    let start = (0..5).map(|_| server.restart()).min().unwrap();
    println!("{name}");
    println!("  start on an existing database      {:8.0} ms", start.as_secs_f64() * 1000.0);
    println!("  memory, idle                       {:8.1} MiB", server.memory_mib("VmRSS"));
    let loads = Loads::prepare(&server);
    for (what, path) in [("discovery", "/.well-known/openid-configuration"), ("jwks", "/.well-known/jwks.json")] {
        beside(what, &[], || Loads::document(&server, path, LENGTH));
    }
    beside("client_credentials", &[RSA], || loads.client_credentials(&server, LENGTH));
    beside("refresh_token", &[RSA], || loads.refresh(&server, LENGTH));
    beside("authorization_code", &[RSA], || loads.code(&server, LENGTH));
    beside("password", &[ARGON2, ARGON2_KEPT], || loads.password(&server, LENGTH));
    println!("  memory, most under the sign-ins    {:8.1} MiB", server.memory_mib("VmHWM"));
    server.stop();
}

/// Runs `work` with the URLs of two databases on the PostgreSQL server that `TEST_POSTGRES_URL` names, if it names one.
fn with_postgres(work: impl Fn([&str; 2])) {
    let Ok(server) = std::env::var("TEST_POSTGRES_URL") else { return };
    let psql = |sql: String| assert!(Command::new("psql").args([&server, "-qc", &sql]).status().unwrap().success());
    let names = ["one", "other"].map(|which| format!("signet_load_{}_{which}", std::process::id()));
    let urls = names.each_ref().map(|name| {
        psql(format!("CREATE DATABASE {name}"));
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(name);
        url.to_string()
    });
    work(urls.each_ref().map(String::as_str));
    for name in &names {
        psql(format!("DROP DATABASE {name}"));
    }
}

fn main() {
    let dir = TempDir::new().unwrap();
    let sqlite = ["one.db", "other.db"].map(|file| format!("sqlite:{}", dir.path().join(file).display()));
    if let Ok(baseline) = std::env::var("BASELINE") {
        let binaries = [Path::new(&baseline), Path::new(THIS)];
        compare::compare("SQLite", binaries, sqlite.each_ref().map(String::as_str));
        with_postgres(|urls| compare::compare("PostgreSQL", binaries, urls));
        return;
    }
    if std::env::args().any(|word| word == "import") {
        import::measure("SQLite", &mut Server::start(Path::new(THIS), &sqlite[0]));
        with_postgres(|urls| import::measure("PostgreSQL", &mut Server::start(Path::new(THIS), urls[0])));
        return;
    }
    if std::env::args().any(|word| word == "memory") {
        memory::measure("SQLite", &mut Server::start(Path::new(THIS), &sqlite[0]));
        with_postgres(|urls| memory::measure("PostgreSQL", &mut Server::start(Path::new(THIS), urls[0])));
        return;
    }
    if std::env::args().any(|word| word == "large") {
        let size = seed::Size::from_environment();
        // The word `postgres` leaves SQLite out.
        if std::env::args().all(|word| word != "postgres") {
            large::measure("SQLite", sqlite.each_ref().map(String::as_str), size);
        }
        with_postgres(|urls| large::measure("PostgreSQL", urls, size));
        return;
    }
    println!("limits: RSA-2048 signatures by josekit, and Argon2id hashes (19456 KiB, 2 passes), per second and core while all cores work");
    measure("SQLite", &sqlite[0]);
    with_postgres(|urls| measure("PostgreSQL", urls[0]));
}
