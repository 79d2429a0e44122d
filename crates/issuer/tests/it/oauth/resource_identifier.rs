//! Two identifiers name the same resource if they are equal as written, except that an empty path equals "/".

use signet_issuer::oauth::resource_identifier::{is_allowed, is_same, is_same_url};

#[test]
fn a_resource_is_registered_under_a_uri_that_names_a_service() {
    for allowed in [
        "https://orders.example",
        "https://orders.example:8443/mcp?tenant=a",
        "https://Orders.example/",
        "http://localhost:8000",
        "http://127.0.0.1/mcp",
        "http://[::1]:8000/",
        "urn:example:orders",
        "api://orders",
        "api://0f8fad5b-d9cb-469f-a165-70867728950e",
        "com.example.orders:/v1",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in [
        "",
        "orders",
        "/orders",
        "//orders.example",
        "orders:8080",
        "https:orders.example",
        "https:///orders.example",
        "HTTPS://orders.example",
        "https://",
        "https://me@orders.example",
        "https://me:secret@orders.example",
        "https://orders.example#here",
        "https://orders.example#",
        "https://orders.example/a b",
        "https://orders.example/\u{e9}",
        "https://orders.example\\a",
        "http://orders.example",
        "http://localhost.example",
        "urn:orders",
        "urn::orders",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "javascript://orders.example/%0aalert(1)",
        "data:text/html,orders",
        "vbscript:orders",
        "blob:https://orders.example/1",
        "file:///etc/passwd",
        "about:blank",
        "mailto:orders@example.com",
        "ms-settings:privacy",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn spellings_of_one_url_are_the_same_url() {
    let own = "https://id.example/tenant";
    for same in [own, "HTTPS://ID.example/tenant", "https://id.example:443/tenant", "https://id.example/x/../tenant"] {
        assert!(is_same_url(own, same), "{same}");
    }
    for other in
        ["https://id.example/Tenant", "https://id.example/tenant/", "https://id.example:8443/tenant", "http://id.example/tenant", "x"]
    {
        assert!(!is_same_url(own, other), "{other}");
    }
    assert!(is_same_url("https://id.example", "https://id.example:443/") && !is_same_url("no url", "no url"));
}

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
