mod access;
pub mod assertion;
mod authentication;
