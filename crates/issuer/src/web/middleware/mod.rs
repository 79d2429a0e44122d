//! The layers that wrap the handlers. `routes.rs` puts them in order.

pub mod cors;
pub mod error_pages;
pub mod host;
pub mod panics;
pub mod request_log;
pub mod security_headers;
pub mod time_limit;
