//! Code that endpoints, pages and the REST API share to read requests and to answer them.

pub mod bearer;
pub mod client_ip;
pub mod error;
pub mod file;
pub mod form;
mod forwarded;
pub mod html;
pub mod middleware;
pub mod origin;
pub mod respond;
pub mod slots;
