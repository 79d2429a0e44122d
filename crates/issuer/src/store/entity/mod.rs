//! SeaORM entities, one file a table.

pub mod audit_events;
pub mod client_scopes;
pub mod clients;
pub mod master_keys;
pub mod resources;
pub mod role_scopes;
pub mod roles;
pub mod scopes;
pub mod signing_keys;
pub mod user_roles;
pub mod users;
