mod cors;
mod request_log;
mod security_headers;
