//! The versions of things, which answers carry as their `ETag` (RFC 9110 §8.8.3).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};

/// An answer about one thing that has a version, which a later change names in `If-Match`.
pub trait Versioned: Serialize {
    /// Returns the version of the thing.
    fn version(&self) -> i32;
}

/// Implements [`Versioned`] for types by the field that holds the version.
macro_rules! has_version {
    ($($view:ty => $($field:ident).+;)+) => {
        $(impl $crate::api::version::Versioned for $view {
            fn version(&self) -> i32 {
                self.$($field).+
            }
        })+
    };
}
pub(super) use has_version;

/// A part of a thing, such as the claims of a client, with the version of the thing.
#[derive(Serialize)]
pub struct Part<V> {
    #[serde(flatten)]
    pub part: V,
    /// The version of the whole thing; it is no member of the answer.
    #[serde(skip)]
    pub version: i32,
}

impl<V: Serialize> Versioned for Part<V> {
    fn version(&self) -> i32 {
        self.version
    }
}

/// Returns whether an answer has a version: it is the view of a thing that has one, or has such a view as its member.
pub(super) fn is_in(answer: &RefOr<Schema>, schemas: &[(String, RefOr<Schema>)]) -> bool {
    let members_of = |schema: &RefOr<Schema>| {
        let RefOr::Ref(to) = schema else { return None };
        let name = to.ref_location.rsplit('/').next()?;
        let (_, found) = schemas.iter().find(|(known, _)| known == name)?;
        if let RefOr::T(Schema::Object(object)) = found { Some(&object.properties) } else { None }
    };
    let has_version = |schema: &RefOr<Schema>| members_of(schema).is_some_and(|members| members.contains_key("version"));
    let is_held =
        |members: &BTreeMap<String, RefOr<Schema>>| ["client", "user"].iter().any(|name| members.get(*name).is_some_and(has_version));
    has_version(answer) || members_of(answer).is_some_and(is_held)
}
