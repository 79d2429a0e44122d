//! SeaORM entities, one file per table. The migration describes the columns.

pub mod attempts;
pub mod audit_events;
pub mod authorization_codes;
pub mod authorizations;
pub mod browsers;
pub mod client_assertions;
pub mod client_logos;
pub mod client_origins;
pub mod client_scopes;
pub mod clients;
pub mod consents;
pub mod devices;
pub mod master_keys;
pub mod registration_tokens;
pub mod resources;
pub mod role_scopes;
pub mod roles;
pub mod scopes;
pub mod sessions;
pub mod signing_keys;
pub mod user_roles;
pub mod users;
pub mod waiting_requests;
