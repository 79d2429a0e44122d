//! Names that cannot be a part of a URL, so that nothing could be found under them.

/// Returns whether `name` is `.` or `..`, which browsers and programs drop from URLs, or `new`, under which the pages of the administration
/// have the form that adds something.
pub fn is_reserved(name: &str) -> bool {
    matches!(name, "." | ".." | "new")
}
