mod client_ip;
mod form;
mod middleware;
