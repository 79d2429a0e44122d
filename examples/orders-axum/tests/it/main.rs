//! How a service is tested both ways: with tokens that the test mints, and against a real issuer.

mod minted;
mod real_issuer;
