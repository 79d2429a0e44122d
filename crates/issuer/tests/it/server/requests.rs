//! A request must name exactly one host.

use crate::server::{Peer, status};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_exactly_one_host() {
    let app = TestApp::new().await;
    for path in ["/.well-known/jwks.json", "/token", "/sign-in", "/health/live", "/nonsense"] {
        for hosts in [
            "",
            "host: a.example\r\nhost: a.example\r\n",
            "host: a.example\r\nhost: b.example\r\n",
            "host:\r\n",
            "host: a b\r\n",
            "host: u@a\r\n",
        ] {
            let answer = Peer::from("127.0.0.1", &app).await.ask(&format!("GET {path} HTTP/1.1\r\n{hosts}")).await;
            assert_eq!(status(&answer), "400", "{path} {hosts}");
            assert!(answer.1.contains("expected exactly one Host header"), "{path} {hosts}: {answer:?}");
        }
    }
    for hosts in ["host: a.example", "host: [2001:db8::1]:8080", "host: 127.0.0.1:1"] {
        let answer = Peer::from("127.0.0.1", &app).await.ask(&format!("GET /health/live HTTP/1.1\r\n{hosts}\r\n")).await;
        assert_eq!(status(&answer), "200", "{hosts}");
    }
    // Health checks of some load balancers send HTTP/1.0, which has no such header.
    assert_eq!(status(&Peer::from("127.0.0.1", &app).await.ask("GET /health/ready HTTP/1.0\r\n").await), "200");
}
