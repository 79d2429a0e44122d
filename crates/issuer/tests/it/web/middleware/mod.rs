mod cors;
mod panics;
mod request_log;
mod security_headers;
