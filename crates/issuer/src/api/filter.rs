//! The parameters of the query by which a route selects what it answers with.

use utoipa::openapi::schema::Type;

/// The type of a parameter, with its format.
pub type Kind = (Type, Option<&'static str>);
/// A parameter that is `true` or `false`.
pub const BOOLEAN: Kind = (Type::Boolean, None);
/// A parameter that is a whole number.
pub const INTEGER: Kind = (Type::Integer, None);
/// A parameter that is a UUID.
pub const UUID: Kind = (Type::String, Some("uuid"));
/// A parameter that is text.
pub const TEXT: Kind = (Type::String, None);

/// A parameter: its name, its type and its description.
pub type Filter = (&'static str, Kind, &'static str);
