pub mod assertion;
mod authentication;
