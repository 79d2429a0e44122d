//! The issuer's tests: one binary, the same tree as src/. They run on SQLite, and on PostgreSQL where
//! `TEST_POSTGRES_URL` names a server; every test has a database of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on")]

mod accounts;
mod admin;
mod api;
mod architecture;
mod audit;
mod browser;
mod chromium;
mod cli;
mod client_library;
mod clients;
mod config;
mod endpoints;
mod fetch;
mod grants;
mod interaction;
mod keys;
mod messages;
mod oauth;
mod outbox;
mod pages;
mod plain_english;
mod pool;
mod revocation_feed;
mod routes;
mod server;
mod start;
mod store;
mod support;
mod tokens;
mod web;
