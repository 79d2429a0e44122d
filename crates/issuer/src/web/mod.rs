//! What endpoints, pages and the REST API share in reading requests and answering them.

pub mod bearer;
pub mod client_ip;
pub mod error;
pub mod form;
pub mod html;
pub mod middleware;
pub mod respond;
