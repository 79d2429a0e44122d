mod authorization_code;
mod client_credentials;
mod matrix;
mod password;
mod refresh_token;
