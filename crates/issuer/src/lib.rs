//! Signet, an OpenID Connect identity provider: the library behind the binary `signet`.
//!
//! docs/ARCHITECTURE.md is the map.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod endpoints;
pub mod error;
pub mod fetch;
pub mod first_start;
pub mod grants;
pub mod jobs;
pub mod keys;
pub mod middleware;
pub mod oauth;
pub mod pages;
pub mod routes;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod tokens;
