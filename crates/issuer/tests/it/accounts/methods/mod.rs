mod hashes;
mod password;
