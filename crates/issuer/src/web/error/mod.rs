//! The forms in which an error is sent: JSON, a bearer challenge or a page.

pub mod bearer;
pub mod json;
pub mod page;
