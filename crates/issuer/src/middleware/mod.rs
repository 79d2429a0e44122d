//! What every request passes.

pub mod client_ip;
pub mod cors;
pub mod panics;
pub mod removal_cookie;
pub mod request_log;
pub mod security_headers;
pub mod time_limit;
