//! Tests of the fetch of the JWKS: which answers cannot be used, and that such an answer does not replace good keys.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signet_testkit::{AUDIENCE, TestIssuer};
use signet_verifier::{Error, Refusal, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server between verifier and issuer. It gives the answer that the test has set.
struct Front {
    issuer: TestIssuer,
    uri: String,
    /// The complete HTTP answer; `None` to leave requests without an answer.
    answer: Arc<Mutex<Option<Vec<u8>>>>,
    /// The connections of the requests that wait for an answer.
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Front {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/jwks", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(None));
        let held = Arc::new(Mutex::new(Vec::new()));
        let (answers, unanswered) = (Arc::clone(&answer), Arc::clone(&held));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let answer: Option<Vec<u8>> = answers.lock().unwrap().clone();
                match answer {
                    // Ignore a failure: the verifier closes the connection once it has read too many bytes.
                    Some(bytes) => drop(stream.write_all(&bytes).await),
                    None => unanswered.lock().unwrap().push(stream),
                }
            }
        });
        Self { issuer: TestIssuer::new(), uri, answer, held }
    }

    fn verifier(&self) -> Verifier {
        self.issuer.verifier_builder().audience(AUDIENCE).jwks_uri(&self.uri).build().unwrap()
    }

    fn answer(&self, status: &str, headers: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        *self.answer.lock().unwrap() = Some([head.as_bytes(), body.as_bytes()].concat());
    }

    /// Fetches the JWKS from the issuer itself.
    async fn jwks(&self) -> String {
        let mut stream = TcpStream::connect(self.issuer.issuer().strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(b"GET /.well-known/jwks.json HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

#[tokio::test]
async fn what_is_no_jwks_is_an_outage_and_wipes_no_keys() {
    let front = Front::new().await;
    let good = front.jwks().await;
    let elsewhere = format!("Location: {}/.well-known/jwks.json\r\n", front.issuer.issuer());
    let fetches = front.issuer.fetches();
    let huge = format!("{{\"pad\":\"{}\",{}", "x".repeat(256 * 1024), good.strip_prefix('{').unwrap());
    let weak = r#"{"keys":[{"kty":"RSA","kid":"weak","alg":"RS256","n":"AQAB","e":"AQAB"},{"kty":"EC","kid":"ec"}]}"#;
    for (fault, status, headers, body) in [
        ("redirect", "302 Found", elsewhere.as_str(), good.as_str()),
        ("error", "500 Internal Server Error", "", &good),
        ("other success", "203 Non-Authoritative Information", "", &good),
        ("page", "200 OK", "Content-Type: text/html\r\n", "<html>sign in to this network</html>"),
        ("no body", "200 OK", "", ""),
        ("no keys", "200 OK", "", r#"{"keys":[]}"#),
        ("no usable keys", "200 OK", "", weak),
        ("over 256 KiB", "200 OK", "", &huge),
    ] {
        let (without_keys, with_keys) = (front.verifier(), front.verifier());
        front.answer("200 OK", "Cache-Control: max-age=300\r\n", &good);
        with_keys.verify(&front.issuer.token().mint()).await.unwrap();

        front.answer(status, headers, body);
        let refused = without_keys.verify(&front.issuer.token().mint()).await.unwrap_err();
        assert_eq!(refused, Error::Unavailable { retry_after: Duration::from_secs(1) }, "{fault}");
        front.issuer.advance(Duration::from_mins(6));
        with_keys.verify(&front.issuer.token().mint()).await.expect(fault);
    }
    assert_eq!(front.issuer.fetches(), fetches, "redirects are not followed");
}

#[tokio::test]
async fn the_age_of_an_answer_counts() {
    let front = Front::new().await;
    let verifier = front.verifier();
    front.answer("200 OK", "Cache-Control: max-age=300\r\nAge: 299\r\n", &front.jwks().await);
    let token = front.issuer.token().mint();
    verifier.verify(&token).await.unwrap();
    front.issuer.revoke_keys();
    front.answer("200 OK", "Cache-Control: max-age=300\r\n", &front.jwks().await);
    front.issuer.advance(Duration::from_secs(1));
    assert_eq!(verifier.verify(&token).await.unwrap_err(), Error::Refused(Refusal::UnknownKey));
}

/// The last fetch failed, and now the issuer accepts a connection but does not answer. One request waits for it, and the others
/// use the cached keys.
#[tokio::test]
async fn an_issuer_that_hangs_holds_up_one_request() {
    let front = Front::new().await;
    let verifier = front.verifier();
    front.answer("200 OK", "Cache-Control: max-age=300\r\n", &front.jwks().await);
    let token = front.issuer.token().claim("exp", 1_767_225_600 + 3600).mint();
    verifier.verify(&token).await.unwrap();
    front.issuer.advance(Duration::from_mins(5));
    front.answer("500 Internal Server Error", "", "");
    verifier.verify(&token).await.unwrap();

    *front.answer.lock().unwrap() = None;
    front.issuer.advance(Duration::from_mins(1));
    let waiting = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token).await }
    });
    while front.held.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        verifier.verify(&token).await.unwrap();
    }
    assert!(!waiting.is_finished());
    front.held.lock().unwrap().clear();
    assert!(waiting.await.unwrap().is_ok(), "the waiting request uses the cached keys once the fetch has failed");
}
