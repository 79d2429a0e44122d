//! Shows two ways to test a service: with tokens that the test mints, and against a real issuer.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod minted;
mod real_issuer;
