//! The limits of connections, seen by real sockets that do what a decent client would not.

mod places;
mod requests;
mod revocations;
mod stop;
mod timed;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::TestApp;

/// The longest time that a test waits for something that must happen soon.
const SOON: Duration = Duration::from_secs(20);
const JWKS: &str = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n";
const HEALTH: &str = "GET /health/ready HTTP/1.1\r\nhost: localhost\r\n";

/// A peer with one connection.
struct Peer(TcpStream);

impl Peer {
    /// Connects from an address of this machine, such as 127.0.0.2.
    async fn from(address: &str, app: &TestApp) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // A small buffer, so that answers that are not read stay with the server.
        socket.set_recv_buffer_size(2048).unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        let url = url::Url::parse(&app.url).unwrap();
        Self(socket.connect(url.socket_addrs(|| None).unwrap()[0]).await.unwrap())
    }

    /// Sends a request, and returns the head and the body of the answer.
    async fn ask(&mut self, head: &str) -> (String, String) {
        self.send(&format!("{head}\r\n")).await;
        self.answer().await
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads one answer; its head is empty if the server closes the connection instead.
    async fn answer(&mut self) -> (String, String) {
        tokio::time::timeout(SOON, self.late_answer()).await.unwrap()
    }

    /// Reads one answer, however late it comes.
    async fn late_answer(&mut self) -> (String, String) {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
                if body.len() >= length {
                    return (head.to_owned(), body.to_owned());
                }
            }
            match self.0.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return (String::new(), text),
                Ok(_) => {}
            }
        }
    }

    /// Sends requests and never reads an answer, until the server closes the connection.
    async fn never_read(mut self, head: &str) {
        let requests = format!("{head}\r\n").repeat(100);
        let end = async { while self.0.write_all(requests.as_bytes()).await.is_ok() {} };
        tokio::time::timeout(SOON, end).await.unwrap();
    }
}

/// Connects from `address` and never reads, again and again until `is_over`.
async fn attack(app: &TestApp, address: &str, head: &str, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        Peer::from(address, app).await.never_read(head).await;
    }
}

/// Returns the status in the head of an answer.
fn status((head, _): &(String, String)) -> &str {
    head.split(' ').nth(1).unwrap_or("closed")
}

/// Asks on new connections until the status of the answer is `expected`, and returns that answer.
async fn until(app: &TestApp, address: &str, head: &str, expected: &str) -> (String, String) {
    let asking = async {
        loop {
            let answer = Peer::from(address, app).await.ask(head).await;
            if status(&answer) == expected {
                return answer;
            }
        }
    };
    tokio::time::timeout(SOON, asking).await.unwrap_or_else(|_| panic!("{address} never received {expected}"))
}
