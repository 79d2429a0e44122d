//! Only a plain https URL, or an http URL of a loopback address, may be an issuer.

use signet_issuer::oauth::issuer::Issuer;

#[test]
fn only_https_and_loopback_urls_can_be_issuers() {
    for (url, path) in [
        ("https://id.example", ""),
        ("https://id.example:8443/a/b", "/a/b"),
        ("http://localhost:8080", ""),
        ("http://[::1]:1", ""),
        ("http://127.0.0.2", ""),
    ] {
        assert_eq!(Issuer::parse(url).unwrap().path(), path, "{url}");
    }
    for bad in [
        "",
        "id.example",
        "http://id.example",
        "https://id.example/",
        "https://id.example/a/",
        "https://id.example?a",
        "https://id.example#a",
        "https://user@id.example",
        "https://ID.example",
        "https://id.example:443",
        "ftp://id.example",
        "http://localhost.evil.example",
        "https://id.example/a/../b",
        "http://0.0.0.0:8080",
        "https://id.example/:a",
        "https://id.example/*a",
        "http://192.168.0.1",
    ] {
        assert!(Issuer::parse(bad).is_err(), "{bad}");
    }
}
