//! How errors are answered: as JSON, as bearer challenges, or as pages.

pub mod bearer;
pub mod json;
pub mod page;
