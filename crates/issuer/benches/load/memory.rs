//! Measures the memory of the server under bursts of password sign-ins with pauses between them, within a minute after the last burst, and under
//! a flood of sign-ins. Beside all of it stands what the process has allocated: the remainder is its program file, of which the kernel maps as
//! much as it finds useful.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::loads::sign_in;
use crate::server::{Connection, Server};

/// The number of bursts, the length of each, and the pause after it.
const BURSTS: u32 = 20;
const BURST: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(3);
/// The connections of a burst and of the flood. The server takes 256 of one address.
const CONNECTIONS: usize = 200;
const FLOOD: Duration = Duration::from_secs(20);

/// The time within which the memory must come back, and the most that the server may have then, in MiB.
const RECOVERY: Duration = Duration::from_mins(1);
const RECOVERED: f64 = 40.0;

/// The memory of one Argon2 hash, and what else the server may have under a flood, in MiB.
const HASH: f64 = 19.0;
const BESIDE: f64 = 60.0;

fn print(what: &str, server: &Server, bound: &str) {
    let (all, own) = (server.memory_mib("VmRSS"), server.memory_mib("RssAnon"));
    println!("  {what:34} {all:8.1} MiB, {own:.1} of it allocated{bound}");
}

/// Lets all connections sign in again and again for `length`. Returns the numbers of sign-ins that succeeded and of those that were refused
/// because too many waited.
fn burst(server: &Server, requests: &[String], length: Duration) -> (u32, u32) {
    let (good, busy, start) = (AtomicU32::new(0), AtomicU32::new(0), Instant::now());
    std::thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let (good, busy, request) = (&good, &busy, &requests[number % requests.len()]);
            scope.spawn(move || {
                let mut connection = Connection::open(server.port);
                while start.elapsed() < length {
                    let count = match connection.send(request).status {
                        200 => good,
                        503 => busy,
                        status => panic!("a sign-in was answered with {status}"),
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (good.into_inner(), busy.into_inner())
}

/// Measures the memory of `server` and prints it.
pub fn measure(name: &str, server: &mut Server) {
    server.restart();
    let requests: Vec<String> = (0..crate::CONNECTIONS).map(|number| sign_in(server, &format!("user{number}"))).collect();
    println!("{name}");
    print("memory, idle", server, "");
    let (mut good, mut busy, mut after) = (0, 0, Vec::new());
    for _ in 0..BURSTS {
        let counts = burst(server, &requests, BURST);
        (good, busy) = (good + counts.0, busy + counts.1);
        std::thread::sleep(PAUSE);
        after.push(server.memory_mib("VmRSS"));
    }
    let most = after.iter().copied().fold(0.0, f64::max);
    println!("  {BURSTS} bursts of {CONNECTIONS} connections          {good:8} sign-ins, {busy} refused as busy");
    println!("  memory, most in the pauses         {most:8.1} MiB");
    std::thread::sleep(RECOVERY);
    print("memory, a minute after the bursts", server, &format!("   (at most {RECOVERED})"));
    let (good, busy) = burst(server, &requests, FLOOD);
    let (peak, cores) = (server.memory_mib("VmHWM"), std::thread::available_parallelism().unwrap().get());
    let bound = HASH.mul_add(f64::from(u32::try_from(cores).unwrap()), BESIDE);
    println!("  a flood of {CONNECTIONS} connections         {good:8} sign-ins, {busy} refused as busy");
    println!(
        "  memory, most of all                {peak:8.1} MiB   (at most {bound}, which is {HASH} for each of {cores} cores and {BESIDE})"
    );
    server.stop();
}
