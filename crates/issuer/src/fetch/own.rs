//! Asks the server that runs with these settings on this machine how it is. `signet doctor` uses it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;

/// The longest time that the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the answer of `path` at the server that listens on `listen`. Returns `None` if nothing listens there, or if it is another
/// program.
pub async fn ask(listen: SocketAddr, path: &str) -> Option<Value> {
    let host = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    let client = Client::builder().timeout(TIMEOUT).no_proxy().redirect(reqwest::redirect::Policy::none()).build().ok()?;
    let answer = client.get(format!("http://{}{path}", SocketAddr::new(host, listen.port()))).send().await.ok()?;
    let body = answer.bytes().await.ok()?;
    serde_json::from_slice(&body).ok()
}
