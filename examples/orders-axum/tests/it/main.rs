//! How a service is tested both ways: with tokens that the test mints, and against a real issuer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on")]

mod minted;
mod real_issuer;
