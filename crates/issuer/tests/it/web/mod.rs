mod client_ip;
mod middleware;
