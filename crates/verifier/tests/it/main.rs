//! The verifier's tests: published vectors, oracles, rules, the key cache, and the guarded router.

mod cache;
mod guarded;
mod oracles;
mod rules;
mod vectors;
