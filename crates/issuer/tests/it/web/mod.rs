mod client_ip;
