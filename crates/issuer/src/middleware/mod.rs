//! What every request passes.

pub mod client_ip;
pub mod panics;
pub mod request_log;
pub mod security_headers;
pub mod time_limit;
