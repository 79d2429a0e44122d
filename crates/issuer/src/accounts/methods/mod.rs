//! The ways in which a person proves who they are, one file each.

pub mod password;
