//! Signet, an OpenID Connect identity provider: the library behind the binary `signet`.
//!
//! docs/ARCHITECTURE.md describes the modules and how they depend on each other.

pub mod accounts;
pub mod admin;
pub mod api;
pub mod app;
pub mod audit;
pub mod browser;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod endpoints;
pub mod fetch;
pub mod grants;
pub mod interaction;
pub mod jobs;
pub mod keys;
pub mod oauth;
pub mod outbox;
pub mod pages;
pub mod pool;
pub mod revocation_feed;
pub mod routes;
pub mod server;
pub mod signals;
pub mod start;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod web;
