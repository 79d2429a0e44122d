//! The verifier's tests: published vectors, comparison with other implementations, rules, cache of accepted tokens, key cache, fetch, feed of revocations and guarded router.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod accepted;
mod cache;
mod fetch;
mod guarded;
mod oracles;
mod revocation;
mod rules;
mod vectors;
