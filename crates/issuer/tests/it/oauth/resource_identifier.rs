//! Two identifiers name the same resource if they are equal as written, except that an empty path equals "/".

use signet_issuer::oauth::resource_identifier::is_same;

#[test]
fn only_an_empty_path_equals_a_slash() {
    for (one, other) in [
        ("https://orders.example", "https://orders.example/"),
        ("https://orders.example:8443", "https://orders.example:8443/"),
        ("https://orders.example?tenant=a", "https://orders.example/?tenant=a"),
        ("custom://orders", "custom://orders/"),
        ("urn:example:orders", "urn:example:orders"),
    ] {
        assert!(is_same(one, other) && is_same(other, one), "{one} {other}");
    }
    for (one, other) in [
        ("https://orders.example/mcp", "https://orders.example/mcp/"),
        ("https://orders.example", "https://orders.example//"),
        ("https://orders.example", "https://ORDERS.example"),
        ("https://orders.example", "HTTPS://orders.example"),
        ("https://orders.example", "https://orders.example:443"),
        ("https://orders.example", "http://orders.example"),
        ("https://orders.example", "https://orders.example?"),
        ("https://orders.example/%61", "https://orders.example/a"),
        ("urn:example:orders", "urn:example:orders/"),
    ] {
        assert!(!is_same(one, other) && !is_same(other, one), "{one} {other}");
    }
}
