//! Starts the real server with its data in a folder of its own, and opens connections to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::cpu::{self, Postmaster};
use crate::{CALLBACK, CONNECTIONS, PASSWORD};

/// A running server with its data in a folder of its own.
pub struct Server {
    binary: PathBuf,
    dir: TempDir,
    database_url: String,
    pub port: u16,
    child: Child,
    /// The database, if it is PostgreSQL on this machine.
    postmaster: Option<Postmaster>,
    secret: String,
}

/// The tokens that the server gave under a load, and what they cost.
pub struct Rate {
    /// Tokens per CPU-second of the server.
    pub per_cpu: f64,
    /// Tokens per CPU-second of the server and of the database together, if that is PostgreSQL on this machine.
    pub with_database: Option<f64>,
    /// Tokens per second.
    pub per_second: f64,
}

impl Server {
    fn command(binary: &Path, dir: &TempDir, database_url: &str, port: u16, args: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.current_dir(dir.path()).args(args).env("SIGNET_DATABASE_URL", database_url);
        command.env("SIGNET_LISTEN", format!("127.0.0.1:{port}"));
        // Attempts that are under way count as wrong ones, and few users sign in from many connections.
        command.envs([("SIGNET_ADDRESS_ATTEMPTS", "1000000"), ("SIGNET_ACCOUNT_ATTEMPTS", "1000")]);
        // A flood is answered with thousands of errors.
        command.env("SIGNET_LOG", "warn,signet_issuer::oauth::error=off").stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    /// Starts `binary` on an empty database, with users and a client.
    pub fn start(binary: &Path, database_url: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let run = |args: &[&str], stdin: &str| {
            let mut child = Self::command(binary, &dir, database_url, port, args).stdin(Stdio::piped()).spawn().unwrap();
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
        run(&["user", "add", "boss", "--role", "admin", "--password-stdin"], PASSWORD);
        let client = ["--id", "worker", "--name", "W", "--resource", "https://orders.example", "--scope", "orders:read", "--first-party"];
        let grants = ["--grant", "client_credentials", "--grant", "password", "--grant", "refresh_token", "--grant", "authorization_code"];
        let more = ["--redirect-uri", CALLBACK, "--access", "everyone", "--json"];
        let added = run(&[&["client", "add"], &client[..], &grants[..], &more[..]].concat(), "");
        let secret = serde_json::from_str::<Value>(&added).unwrap()["client_secret"].as_str().unwrap().to_owned();
        let child = Self::command(binary, &dir, database_url, port, &["serve"]).spawn().unwrap();
        let postmaster = Postmaster::of(database_url);
        let server = Self { binary: binary.to_owned(), dir, database_url: database_url.to_owned(), port, child, postmaster, secret };
        server.wait_until_ready();
        server
    }

    /// Returns the folder of the server's data.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Returns a command that runs `signet` with `args` on the server's data.
    pub fn command_line(&self, args: &[&str]) -> Command {
        Self::command(&self.binary, &self.dir, &self.database_url, self.port, args)
    }

    fn wait_until_ready(&self) {
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut connection = Connection::open(self.port);
        while connection.send("GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n").status != 200 {}
    }

    pub fn stop(&mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// Stops the server, starts it again, and returns the time until it is ready.
    pub fn restart(&mut self) -> Duration {
        self.stop();
        self.resume()
    }

    /// Starts the server that was stopped, and returns the time until it is ready.
    pub fn resume(&mut self) -> Duration {
        let start = Instant::now();
        self.child = Self::command(&self.binary, &self.dir, &self.database_url, self.port, &["serve"]).spawn().unwrap();
        self.wait_until_ready();
        start.elapsed()
    }

    /// The CPU time of the server, and that of the database if it is PostgreSQL on this machine, in seconds.
    fn cpu_seconds(&self) -> (f64, Option<f64>) {
        (cpu::of(self.child.id()), self.postmaster.map(Postmaster::cpu_seconds))
    }

    pub fn memory_mib(&self, field: &str) -> f64 {
        memory_mib(self.child.id(), field).unwrap()
    }

    /// Runs `request` on all connections at once for `length`, after one second to warm up. `request` returns the number of tokens
    /// that it got.
    pub fn load(&self, length: Duration, request: impl Fn(usize, &mut Connection) -> u64 + Send + Sync) -> Rate {
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
            let (before, given, start) = (self.cpu_seconds(), tokens.load(Ordering::Relaxed), Instant::now());
            std::thread::sleep(length);
            let (after, given, elapsed) = (self.cpu_seconds(), tokens.load(Ordering::Relaxed) - given, start.elapsed());
            stop.store(true, Ordering::Relaxed);
            let (given, server) = (f64::from(u32::try_from(given).unwrap()), after.0 - before.0);
            Rate {
                per_cpu: given / server,
                with_database: after.1.zip(before.1).map(|(after, before)| given / (server + after - before)),
                per_second: given / elapsed.as_secs_f64(),
            }
        })
    }

    /// Returns a token request that the client sends with its secret and the `extra` parameters.
    pub fn request(&self, extra: &str) -> String {
        let body = format!("client_id=worker&client_secret={}&{extra}", self.secret);
        format!(
            "POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

/// Returns a field of the memory of a process, such as `VmHWM`, in MiB. `None` if the process has ended.
pub fn memory_mib(process: u32, field: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A connection that is kept open. It speaks only as much HTTP as this benchmark needs.
pub struct Connection(BufReader<TcpStream>);

/// An answer, read in full.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The value of the header `name`, which is written in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The cookies that the answer sets, as the next request sends them.
    pub fn cookies(&self) -> String {
        let set = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        set.collect::<Vec<_>>().join("; ")
    }
}

impl Connection {
    pub fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn send(&mut self, request: &str) -> Answer {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut answer = Answer { status: 0, head: String::new(), body: String::new() };
        loop {
            let start = answer.head.len();
            self.0.read_line(&mut answer.head).unwrap();
            if &answer.head[start..] == "\r\n" {
                break;
            }
        }
        answer.status = answer.head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = vec![0; answer.header("content-length").map_or(0, |length| length.trim().parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }
}
