mod failures;
mod introspect;
mod metadata;
mod requests;
mod revoke;
mod userinfo;
