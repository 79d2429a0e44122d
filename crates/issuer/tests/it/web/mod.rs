mod client_ip;
mod error;
mod form;
mod middleware;
mod urls;
