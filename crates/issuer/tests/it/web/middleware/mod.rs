mod cors;
mod security_headers;
