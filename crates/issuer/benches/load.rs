//! Load on the real server: tokens per CPU-second of its process, beside what the bare cryptography of this machine does
//! in a CPU-second; memory and start time.
//!
//! `cargo bench -p signet-issuer` runs it on SQLite, and on PostgreSQL too where `TEST_POSTGRES_URL` names a server; with
//! words after `--`, such as `password`, only the loads whose names hold one.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a benchmark measures real time, and stops where it cannot go on")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use josekit::jws::{JwsSigner, RS256};
use serde_json::Value;
use tempfile::TempDir;

const CONNECTIONS: usize = 16;
/// Of one load, and of one measurement of a limit.
const LENGTH: Duration = Duration::from_secs(3);
const ROUNDS: u32 = 4;
const PASSWORD: &str = "correct horse battery staple";
/// Clock ticks in which the kernel counts a process's CPU time (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The server in a folder of its own.
struct Server {
    dir: TempDir,
    database_url: String,
    port: u16,
    child: Child,
    secret: String,
}

impl Server {
    fn command(dir: &TempDir, database_url: &str, port: u16, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.current_dir(dir.path()).args(args).env("SIGNET_DATABASE_URL", database_url);
        command.envs([("SIGNET_LISTEN", format!("127.0.0.1:{port}")), ("SIGNET_ADDRESS_ATTEMPTS", "1000000".to_owned())]);
        command.env("SIGNET_LOG", "warn").stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    fn start(database_url: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let run = |args: &[&str], stdin: &str| {
            let mut child = Self::command(&dir, database_url, port, args).stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{args:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        run(&["migrate"], "");
        run(
            &["resource", "add", "https://orders.example", "--name", "Orders", "--scope", "orders:read=x", "--scope", "orders:write=x"],
            "",
        );
        run(&["role", "add", "clerk", "--scope", "orders:read", "--scope", "orders:write"], "");
        for number in 0..CONNECTIONS {
            run(&["user", "add", &format!("user{number}"), "--role", "clerk", "--password-stdin"], PASSWORD);
        }
        let client = ["--id", "worker", "--name", "W", "--resource", "https://orders.example", "--scope", "orders:read"];
        let grants = ["--grant", "client_credentials", "--grant", "password", "--grant", "refresh_token", "--json"];
        let added = run(&[&["client", "add"], &client[..], &grants[..]].concat(), "");
        let secret = serde_json::from_str::<Value>(&added).unwrap()["client_secret"].as_str().unwrap().to_owned();
        let child = Self::command(&dir, database_url, port, &["serve"]).spawn().unwrap();
        let server = Self { dir, database_url: database_url.to_owned(), port, child, secret };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut connection = Connection::open(self.port);
        while connection.send("GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n").0 != 200 {}
    }

    fn stop(&mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Stops it, and measures how long the next start takes.
    fn restart(&mut self) -> Duration {
        self.stop();
        let start = Instant::now();
        self.child = Self::command(&self.dir, &self.database_url, self.port, &["serve"]).spawn().unwrap();
        self.wait_until_ready();
        start.elapsed()
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / TICKS_PER_SECOND
    }

    fn memory_mib(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Runs `request` on all connections at once; gives tokens per CPU-second of the server, and per second.
    fn load(&self, request: impl Fn(usize, &mut Connection) -> u64 + Send + Sync) -> (f64, f64) {
        let (tokens, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for number in 0..CONNECTIONS {
                let (tokens, stop, request) = (&tokens, &stop, &request);
                scope.spawn(move || {
                    let mut connection = Connection::open(self.port);
                    while !stop.load(Ordering::Relaxed) {
                        tokens.fetch_add(request(number, &mut connection), Ordering::Relaxed);
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(1));
            let (cpu, given, start) = (self.cpu_seconds(), tokens.load(Ordering::Relaxed), Instant::now());
            std::thread::sleep(LENGTH);
            let (cpu, given, elapsed) = (self.cpu_seconds() - cpu, tokens.load(Ordering::Relaxed) - given, start.elapsed());
            stop.store(true, Ordering::Relaxed);
            let given = f64::from(u32::try_from(given).unwrap());
            (given / cpu, given / elapsed.as_secs_f64())
        })
    }

    /// A token request of the client, with `extra` parameters.
    fn request(&self, extra: &str) -> String {
        let body = format!("client_id=worker&client_secret={}&{extra}", self.secret);
        format!(
            "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A kept connection that speaks as much HTTP as it must.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, request: &str) -> (u16, String) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if status == 0 {
                status = line.split(' ').nth(1).unwrap().parse().unwrap();
            } else if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            } else if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}

/// How often `work` is done in a second on one core, while all cores do it: the limit of a server that uses them all.
fn rate<W: FnMut()>(make: impl Fn() -> W + Sync) -> f64 {
    let cores = std::thread::available_parallelism().unwrap().get();
    let on_one = || {
        let (mut work, mut count) = (make(), 0_u32);
        let start = Instant::now();
        while start.elapsed() < LENGTH {
            work();
            count += 1;
        }
        f64::from(count) / start.elapsed().as_secs_f64()
    };
    let total: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(on_one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    total / f64::from(u32::try_from(cores).unwrap())
}

/// What the bare cryptography does in a second, on each core.
type Limit = (&'static str, fn() -> f64);

const RSA: Limit = ("RSA-2048", bare_rsa);
/// As `Argon2::hash_password_into` is called by itself: it takes its memory anew each time.
const ARGON2: Limit = ("Argon2", bare_argon2);
/// The same without the cost of that memory.
const ARGON2_KEPT: Limit = ("Argon2 in one block", bare_argon2_kept);

fn bare_rsa() -> f64 {
    let pair = josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap();
    let signer = RS256.signer_from_der(pair.to_der_private_key()).unwrap();
    rate(|| || drop(signer.sign(&[0; 600]).unwrap()))
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19456, 2, 1, Some(32)).unwrap())
}

fn bare_argon2() -> f64 {
    rate(|| || argon2().hash_password_into(PASSWORD.as_bytes(), &[0; 16], &mut [0; 32]).unwrap())
}

fn bare_argon2_kept() -> f64 {
    rate(|| {
        let argon2 = argon2();
        let mut memory = vec![Block::default(); argon2.params().block_count()];
        move || argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), &[0; 16], &mut [0; 32], &mut memory).unwrap()
    })
}

fn refresh_token(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["refresh_token"].as_str().unwrap().to_owned()
}

/// Runs `load` and measures its limits by turns, because the speed of a machine that others share comes and goes; prints
/// the means.
fn beside(what: &str, limits: &[Limit], load: impl Fn() -> (f64, f64)) {
    let mut wanted = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    if wanted.peek().is_some() && !wanted.any(|word| what.contains(&word)) {
        return;
    }
    let (mut per_cpu, mut per_second, mut bare) = (0.0, 0.0, vec![0.0; limits.len()]);
    for _ in 0..ROUNDS {
        for (sum, (_, limit)) in bare.iter_mut().zip(limits) {
            *sum += limit() / f64::from(ROUNDS);
        }
        let (cpu, second) = load();
        per_cpu += cpu / f64::from(ROUNDS);
        per_second += second / f64::from(ROUNDS);
    }
    println!("  {what:34} {per_cpu:8.0} per CPU-second   ({per_second:.0} per second)");
    for ((name, _), bare) in limits.iter().zip(bare) {
        println!("    {:.2} of {name}, {bare:.1}", per_cpu / bare);
    }
}

fn measure(name: &str, database_url: &str) {
    let mut server = Server::start(database_url);
    let start = (0..5).map(|_| server.restart()).min().unwrap();
    println!("{name}");
    println!("  start on an existing database      {:8.0} ms", start.as_secs_f64() * 1000.0);
    println!("  memory, idle                       {:8.1} MiB", server.memory_mib("VmRSS"));
    let credentials = server.request("grant_type=client_credentials&scope=orders:read");
    let give_credentials = || {
        server.load(|_, connection| {
            let (status, body) = connection.send(&credentials);
            assert_eq!(status, 200, "{body}");
            1
        })
    };
    beside("client_credentials", &[RSA], give_credentials);

    let sign_in = |number: usize| {
        server.request(&format!("grant_type=password&username=user{number}&password={}&scope=orders:read", PASSWORD.replace(' ', "+")))
    };
    let first = |number| {
        let (status, body) = Connection::open(server.port).send(&sign_in(number));
        assert_eq!(status, 200, "{body}");
        Mutex::new(refresh_token(&body))
    };
    let chains: Vec<_> = (0..CONNECTIONS).map(first).collect();
    let refresh = || {
        server.load(|number, connection| {
            let mut token = chains[number].lock().unwrap();
            let (status, body) = connection.send(&server.request(&format!("grant_type=refresh_token&refresh_token={token}")));
            assert_eq!(status, 200, "{body}");
            *token = refresh_token(&body);
            1
        })
    };
    beside("refresh_token", &[RSA], refresh);

    let sign_in_again = || {
        server.load(|number, connection| {
            let (status, body) = connection.send(&sign_in(number));
            assert!(status == 200 || status == 503, "{status} {body}");
            u64::from(status == 200)
        })
    };
    beside("password", &[ARGON2, ARGON2_KEPT], sign_in_again);
    println!("  memory, most under the sign-ins    {:8.1} MiB", server.memory_mib("VmHWM"));
    server.stop();
}

fn main() {
    println!("limits: RSA-2048 signatures by josekit, and Argon2id hashes (19456 KiB, 2 passes), per second and core while all cores work");
    let dir = TempDir::new().unwrap();
    measure("SQLite", &format!("sqlite:{}", dir.path().join("signet.db").display()));
    if let Ok(server) = std::env::var("TEST_POSTGRES_URL") {
        let name = format!("signet_load_{}", std::process::id());
        let psql = |sql: String| assert!(Command::new("psql").args([&server, "-qc", &sql]).status().unwrap().success());
        psql(format!("CREATE DATABASE {name}"));
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        measure("PostgreSQL", url.as_str());
        psql(format!("DROP DATABASE {name}"));
    }
}
