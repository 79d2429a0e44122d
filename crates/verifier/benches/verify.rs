//! Measures the full verification of a 900-byte RS256 token with a 2048-bit key, the first time and again. The bare signature check and
//! the crate jsonwebtoken are measured in the same run, for comparison.
//!
//! The measurements take turns, so that other load on the machine affects all of them alike. The best round of each
//! one counts.

#![expect(clippy::unwrap_used, reason = "a benchmark panics when its set-up fails")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use signet_testkit::{AUDIENCE, TestIssuer};
use signet_verifier::Verifier;

const ROUNDS: usize = 60;
const CHECKS: u32 = 500;
/// The number of revocations that are alive at once in the last measurement.
const ENTRIES: usize = 100_000;

/// The claims that jsonwebtoken parses: all that the token carries, because signet-verifier parses them too.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "the fields are parsed only so that the time of parsing is measured")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    iat: u64,
    jti: String,
    client_id: String,
    scope: String,
    auth_time: u64,
    acr: String,
    amr: Vec<String>,
    sid: String,
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed(check: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..CHECKS {
        check();
    }
    start.elapsed() / CHECKS
}

/// The variables by which this program tells a process of its own, which holds nothing but a verifier, what to verify.
const FOLLOWED: [&str; 2] = ["BENCH_ISSUER", "BENCH_TOKEN"];

/// Verifies a token by a verifier that has read all revocations of the issuer, and prints the resident memory of the process in KiB.
fn follow(issuer: &str, token: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let verifier = Verifier::issuer(issuer).audience(AUDIENCE).build().unwrap();
    runtime.block_on(verifier.verify(token)).unwrap();
    // A few more answers, so that the buffers of the first one are gone.
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await }).unwrap_err();
    println!("{} {}", verifier.revocation_status().entries, resident_kib());
}

/// Runs [`follow`] in a process of its own; returns the number of revocations that it read, and its memory in KiB.
fn followed(issuer: &TestIssuer, token: &str) -> (usize, usize) {
    let mut process = std::process::Command::new(std::env::current_exe().unwrap());
    let output = process.envs(FOLLOWED.into_iter().zip([issuer.issuer(), token])).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (entries, memory) = text.trim().split_once(' ').unwrap();
    (entries.parse().unwrap(), memory.parse().unwrap())
}

fn main() {
    if let [Ok(issuer), Ok(token)] = FOLLOWED.map(std::env::var) {
        return follow(&issuer, &token);
    }
    let issuer = TestIssuer::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the verifier uses the machine's clock here, so the dates of the token must fit it")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = issuer
        .token()
        .subject("5a0fe90c-70f9-4e90-9e02-4a8d53ec850e")
        .claim("iat", now)
        .claim("exp", now + 3600)
        .claim("auth_time", now)
        .claim("jti", "AaIKlWKgezKpVagDz9jkv0hQSRknPG7yKq4wvw")
        .claim("acr", "urn:signet:acr:password")
        .claim("amr", vec!["pwd".to_owned()])
        .claim("sid", "VHO0KLn8mp2vLWPmod5rEKPT7pGDmRCL")
        .claim("scope", "orders:read")
        .claim("grant_id", "Wm9vbSBhbmQgZ3JhbnQtaQ")
        .mint();

    let builder = || Verifier::issuer(issuer.issuer()).audience(AUDIENCE);
    let (verifier, remembering) = (builder().token_cache(0, 0).build().unwrap(), builder().build().unwrap());
    runtime.block_on(verifier.verify(&token)).unwrap();
    runtime.block_on(remembering.verify(&token)).unwrap();

    let jwks: serde_json::Value = serde_json::from_str(
        &runtime
            .block_on(async { reqwest::get(format!("{}/.well-known/jwks.json", issuer.issuer())).await.unwrap().text().await.unwrap() }),
    )
    .unwrap();
    let (n, e) = (jwks["keys"][0]["n"].as_str().unwrap(), jwks["keys"][0]["e"].as_str().unwrap());
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let key = RsaPublicKeyComponents { n: decoded(n), e: decoded(e) }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = decoded(signature);

    let other_key = DecodingKey::from_rsa_components(n, e).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer.issuer()]);

    let mut bare = || key.verify_sig(message.as_bytes(), &signature).unwrap();
    let _entered = runtime.enter();
    let mut full = || verified(&verifier, &token);
    let mut again = || verified(&remembering, &token);
    let mut other = || {
        decode::<Claims>(&token, &other_key, &validation).unwrap();
    };
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for (best, check) in best.iter_mut().zip([&mut bare as &mut dyn FnMut(), &mut full, &mut other, &mut again]) {
            *best = (*best).min(timed(check));
        }
    }
    let micros = best.map(|best| best.as_secs_f64() * 1e6);
    println!("token of {} bytes, RS256, 2048 bits; one thread, best of {ROUNDS} rounds of {CHECKS}", token.len());
    println!("  bare signature check (aws-lc-rs)   {:6.2} us", micros[0]);
    println!("  signet-verifier, all of it         {:6.2} us   {:.3} of the bare check's rate", micros[1], micros[0] / micros[1]);
    println!("  jsonwebtoken (aws_lc_rs)           {:6.2} us   signet-verifier is {:.2} times as fast", micros[2], micros[2] / micros[1]);
    println!("  signet-verifier, a token it knows  {:6.2} us", micros[3]);
    let rates = [1, 2].map(|threads| rate(threads, &remembering, &token));
    println!("  ... by two threads, the same token {:6.2} times the rate of one", rates[1] / rates[0]);

    let (none, alone) = followed(&issuer, &token);
    (0..ENTRIES).for_each(|number| issuer.revoke(&number.to_string()));
    let (all, with_all) = followed(&issuer, &token);
    assert_eq!((none, all), (0, ENTRIES));
    let full = builder().build().unwrap();
    runtime.block_on(full.verify(&token)).unwrap();
    assert_eq!(full.revocation_status().entries, ENTRIES);
    let best = (0..ROUNDS).map(|_| timed(&mut || verified(&full, &token))).min().unwrap_or_default();
    println!("  ... with {ENTRIES} revocations      {:6.2} us", best.as_secs_f64() * 1e6);
    println!(
        "memory of a process with one verifier: {alone} KiB, and {} KiB more with {ENTRIES} revocations",
        with_all.saturating_sub(alone)
    );
}

/// The resident memory of this process, in KiB.
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Polls the verifier directly. As in a service, it must answer at the first poll while its keys are fresh.
fn verified(verifier: &Verifier, token: &str) {
    match pin!(verifier.verify(token)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(accepted) => drop(accepted.unwrap()),
        Poll::Pending => panic!("the keys are fresh, so there is nothing to wait for"),
    }
}

/// Returns how many known tokens so many threads verify in a second together: the best of several rounds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn rate(threads: u32, verifier: &Verifier, token: &str) -> f64 {
    const EACH: u32 = 200_000;
    let runtime = tokio::runtime::Handle::current();
    let round = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let _entered = runtime.enter();
                    (0..EACH).for_each(|_| verified(verifier, token));
                });
            }
        });
        f64::from(EACH * threads) / start.elapsed().as_secs_f64()
    };
    (0..10).map(|_| round()).fold(0.0, f64::max)
}
