//! The server starts, answers and stops, even where nothing can be logged. If its port is taken, it makes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::cli::{Signet, free_address, full, with_orders};

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

/// Starts the server on a port of its own, and waits until it is ready.
pub fn serve(signet: &Signet, stderr: Stdio) -> (Child, u16) {
    let listen = free_address();
    let port = listen.rsplit_once(':').unwrap().1.parse().unwrap();
    let child = signet.command(&[("SIGNET_LISTEN", &listen)], &[]).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    wait_until_ready(port);
    (child, port)
}

/// Sends `body` to the token endpoint of the server on `port`, and returns the answer with its head.
pub fn post_token(port: u16, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn wait_until_ready(port: u16) {
    let ready = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        is_ready(port)
    });
    assert!(ready);
}

#[test]
fn a_server_starts_answers_and_stops_on_both_signals() {
    for signal in ["-INT", "-TERM"] {
        let signet = Signet::new();
        for first in [true, false] {
            let (child, port) = serve(&signet, Stdio::piped());
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{signal}: {output:?}");
            let stdout = String::from_utf8(output.stdout).unwrap();
            assert_eq!(stdout.contains("password  "), first, "{stdout}");
            assert!(stdout.contains(&format!("Signet serves http://localhost:{port}")));
            assert!(!signet.dir.path().join("signet.db-wal").exists(), "the write-ahead log was folded in");
        }
    }
}

#[test]
fn where_nothing_can_be_logged_all_else_goes_on() {
    let signet = with_orders();
    let (child, port) = serve(&signet, full());
    let answer = post_token(port, "grant_type=refresh_token&refresh_token=nonsense");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_grant"), "{answer}");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn a_port_that_is_taken_costs_no_first_start() {
    let signet = Signet::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let out = signet.run_with(&[("SIGNET_LISTEN", &listen)], &["serve"], "");
    assert!(!out.success && out.stderr.contains("setting listen"), "{out:?}");
    assert!(!signet.dir.path().join("signet.db").exists());
}

#[test]
fn the_first_start_says_whether_it_created_the_master_key() {
    let signet = Signet::new();
    let made = signet.run(&["migrate"]);
    assert!(made.stdout.starts_with("First start: created the master key, a signing key and the user admin."), "{made:?}");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(signet.dir.path().join(format!("signet.db{suffix}")));
    }
    let taken = signet.run_with(&[("SIGNET_DATABASE_URL", "sqlite:other.db")], &["migrate"], "");
    let said = "First start: took the master key that was there, and created a signing key and the user admin.";
    assert!(taken.stdout.starts_with(said), "{taken:?}");
}

#[test]
fn a_server_that_cannot_say_that_it_started_stops_and_says_so() {
    let signet = Signet::new();
    for (json, reason) in [(true, "another"), (false, "could not print that it has started")] {
        let listen = free_address();
        let args: &[&str] = if json { &["serve", "--json"] } else { &["serve"] };
        let output = signet.command(&[("SIGNET_LISTEN", &listen)], args).stdout(full()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let last = stderr.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(last.starts_with("signet: standard output: ") && last.contains("the server stops, because"), "{stderr}");
        assert!(last.contains(reason) && !last.contains("the command ran"), "{stderr}");
    }
}

#[test]
fn connections_do_not_use_up_the_files_that_the_process_may_open() {
    for (limit, warns) in [("-Sn 160", false), ("-n 160", true)] {
        let signet = Signet::new();
        let listen = free_address();
        let port: u16 = listen.rsplit_once(':').unwrap().1.parse().unwrap();
        let command = format!("ulimit {limit} && exec {}", env!("CARGO_BIN_EXE_signet"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(signet.dir.path()).env("SIGNET_LISTEN", &listen);
        let child = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_ready(port);
        let mut silent = Vec::new();
        for _ in 0..200 {
            silent.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
        }
        assert!(is_ready(port), "{limit}");
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert_eq!(stderr.contains("setting max_connections: the system allows this process 160 open files"), warns, "{limit}: {stderr}");
    }
}

#[test]
fn a_server_on_a_public_address_says_at_start_what_doctor_would_say() {
    let signet = Signet::new();
    assert!(signet.run(&["migrate"]).success);
    let port = free_address().rsplit_once(':').unwrap().1.parse().unwrap();
    for (listen, says) in [(format!("0.0.0.0:{port}"), true), (format!("127.0.0.1:{port}"), false)] {
        let env = [("SIGNET_LISTEN", listen.as_str()), ("SIGNET_ISSUER", "http://localhost:9"), ("SIGNET_DEFAULT_CLIENT", "nobody")];
        let doctor = signet.run_with(&env, &["doctor"], "");
        assert!(!doctor.success, "{doctor:?}");
        let child = signet.command(&env, &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until_ready(port);
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let stderr = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        for line in doctor.stdout.lines() {
            let (level, finding) = if line.starts_with("FAIL") { ("WARN", &line[5..]) } else { ("INFO", &line[5..]) };
            let is_said = stderr.lines().any(|line| line.contains(level) && line.contains(finding));
            assert_eq!(is_said, says, "{line}: {stderr}");
        }
    }
}
