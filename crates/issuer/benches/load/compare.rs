//! Measures two binaries in turn in one run, and prints the medians of the tokens per CPU-second, of the idle memory and of the start,
//! each with the ratio of the two.

use std::path::Path;
use std::time::Duration;

use crate::loads::Loads;
use crate::server::{Rate, Server};

const ROUNDS: usize = 10;
/// The length of one load in one round.
const LENGTH: Duration = Duration::from_secs(2);

type Load = (&'static str, fn(&Loads, &Server, Duration) -> Rate);

const LOADS: [Load; 4] = [
    ("client_credentials", Loads::client_credentials),
    ("refresh_token", Loads::refresh),
    ("authorization_code", Loads::code),
    ("password", Loads::password),
];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

fn print(what: &str, unit: &str, [before, after]: [Vec<f64>; 2]) {
    let (before, after) = (median(before), median(after));
    println!("  {what:28} {before:9.1} -> {after:9.1} {unit}   ratio {:.3}", after / before);
}

/// Compares `baseline` with `this`, each on a database of its own.
pub fn compare(name: &str, binaries: [&Path; 2], database_urls: [&str; 2]) {
    let mut servers = [0, 1].map(|which| Server::start(binaries[which], database_urls[which]));
    println!("{name}: {} -> {}", binaries[0].display(), binaries[1].display());
    let mut starts = [Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (which, server) in servers.iter_mut().enumerate() {
            starts[which].push(server.restart().as_secs_f64() * 1000.0);
            memory[which].push(server.memory_mib("VmRSS"));
        }
    }
    print("start on an existing database", "ms", starts);
    print("memory, idle", "MiB", memory);
    let loads = servers.each_ref().map(Loads::prepare);
    for (what, load) in LOADS {
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            // Each binary is first in every other round, so that a drift of the machine's speed favours neither.
            for turn in 0..2 {
                let which = (round + turn) % 2;
                rates[which].push(load(&loads[which], &servers[which], LENGTH).per_cpu);
            }
        }
        print(what, "per CPU-second", rates);
    }
    servers.iter_mut().for_each(Server::stop);
}
