//! The verifier's tests: published vectors, oracles, rules, the key cache, and the guarded router.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on")]

mod cache;
mod fetch;
mod guarded;
mod oracles;
mod rules;
mod vectors;
