//! What every request passes.

pub mod cors;
pub mod error_pages;
pub mod panics;
pub mod request_log;
pub mod security_headers;
pub mod time_limit;
