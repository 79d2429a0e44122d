//! Measures the import of users while people sign in: users per second, the memory of the importing process for a small and a large file,
//! and how long a sign-in takes meanwhile. `cargo bench -p signet-issuer --bench load -- import` runs it; `USERS` sets the number of users.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::PASSWORD;
use crate::server::{Connection, Server, memory_mib};

/// The number of people who sign in again and again.
const PEOPLE: usize = 4;
/// The time between the sign-ins of one person.
const PAUSE: Duration = Duration::from_millis(150);
/// The length of the measurement before the import.
const CALM: Duration = Duration::from_secs(20);

/// A hash of bcrypt, of `correct horse battery staple`.
const HASH: &str = "$2b$10$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi";

/// Returns the lines of `count` users, whose names begin with `prefix`.
fn lines(prefix: &str, count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(
            text,
            "{{\"username\":\"{prefix}{number}\",\"email\":\"{prefix}{number}@example.com\",\"email_verified\":true,\"name\":\"Given{} \
             Family{number}\",\"password_hash\":\"{HASH}\",\"roles\":[\"clerk\"],\"claims\":{{\"locale\":\"de-DE\"}}}}",
            number % 1000,
        );
    }
    text
}

/// Signs people in while `work` runs, and returns what it returns with the times of the sign-ins in milliseconds, in order.
fn while_signing_in<T>(server: &Server, work: impl FnOnce() -> T) -> (T, Vec<f64>) {
    let (stop, times) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let password = PASSWORD.replace(' ', "+");
    let result = std::thread::scope(|scope| {
        for number in 0..PEOPLE {
            let request = server.request(&format!("grant_type=password&username=user{number}&password={password}&scope=orders:read"));
            let (stop, times) = (&stop, &times);
            scope.spawn(move || {
                let mut connection = Connection::open(server.port);
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let answer = connection.send(&request);
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    times.lock().unwrap().push(start.elapsed().as_secs_f64() * 1000.0);
                    std::thread::sleep(PAUSE);
                }
            });
        }
        let result = work();
        stop.store(true, Ordering::Relaxed);
        result
    });
    let mut times = times.into_inner().unwrap();
    times.sort_by(f64::total_cmp);
    (result, times)
}

fn quantile(times: &[f64], hundredths: usize) -> f64 {
    times[(times.len() * hundredths / 100).min(times.len() - 1)]
}

fn print_times(what: &str, times: &[f64]) {
    let [median, p99] = [50, 99].map(|hundredths| quantile(times, hundredths));
    println!("  sign-ins, {what:18} median {median:6.1} ms, p99 {p99:6.1} ms, {} of them", times.len());
}

/// Imports a file of `count` users. Returns the seconds that it took, and the largest memory of the process in MiB.
fn import(server: &Server, prefix: &str, count: usize) -> (f64, f64) {
    let file = server.folder().join(format!("{prefix}.jsonl"));
    std::fs::write(&file, lines(prefix, count)).unwrap();
    let start = Instant::now();
    let mut child = server.command_line(&["user", "import", file.to_str().unwrap()]).spawn().unwrap();
    let mut memory: f64 = 0.0;
    while child.try_wait().unwrap().is_none() {
        memory = memory.max(memory_mib(child.id(), "VmHWM").unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut report = String::new();
    child.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(report.contains(&format!("{count} added")), "{report}");
    (seconds, memory)
}

/// Measures on a server with its own database.
pub fn measure(name: &str, server: &mut Server) {
    let count: usize = std::env::var("USERS").map_or(200_000, |users| users.parse().unwrap());
    println!("{name}");
    let (seconds, memory) = import(server, "small", count / 10);
    println!("  import of {:7} users, calm        {:8.0} users per second, {memory:.1} MiB", count / 10, rate(count / 10, seconds));
    let ((), calm) = while_signing_in(server, || std::thread::sleep(CALM));
    print_times("calm", &calm);
    let ((seconds, memory), busy) = while_signing_in(server, || import(server, "large", count));
    println!("  import of {count:7} users, sign-ins    {:8.0} users per second, {memory:.1} MiB", rate(count, seconds));
    print_times("beside the import", &busy);
    println!("  ratio of the p99                   {:8.2}", quantile(&busy, 99) / quantile(&calm, 99));
    server.stop();
}

fn rate(count: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / seconds
}
