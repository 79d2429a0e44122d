//! Redirect URIs that are ambiguous, unencrypted or dangerous cannot be registered.

use signet_issuer::oauth::application_type::ApplicationType::{self, Native, Web};
use signet_issuer::oauth::redirect_uri::{application_type_of, validate};

#[test]
fn redirect_uris_that_may_be_registered() {
    for good in [
        "https://app.example/cb",
        "https://app.example/cb?x=1",
        "http://localhost:3000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:1/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
    ] {
        assert!(validate(good, Native, false).is_ok(), "{good}");
        assert!(validate(good, Native, true).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/cb",
        "app.example",
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://user:pw@app.example/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://app.example\\@evil.example/",
        "https://app.example/\tcb",
        "http://localhost.evil.example/cb",
        "https:///cb",
    ] {
        assert!(validate(bad, Native, false).is_err(), "{bad}");
        assert!(validate(bad, Native, true).is_err(), "{bad}");
    }
}

#[test]
fn a_scheme_without_a_dot_is_for_public_native_clients_alone() {
    for uri in ["cursor://anysphere.cursor-mcp/oauth/callback", "vscode-insiders://vscode.github-authentication/did", "raycast://oauth"] {
        assert!(validate(uri, Native, true).is_ok(), "{uri}");
        assert!(validate(uri, Native, false).is_err(), "confidential: {uri}");
        assert!(validate(uri, Web, true).is_err(), "web: {uri}");
    }
    for uri in [
        "cursor:cb",
        "cursor:/cb",
        "cursor:///cb",
        "cursor://",
        "cursor://user@host/cb",
        "cursor://user:pw@host/cb",
        "cursor://host/cb#x",
        "cursor://host/c b",
        "cursor://host/\\cb",
        "1password://host/cb",
    ] {
        assert!(validate(uri, Native, true).is_err(), "{uri}");
    }
}

/// A scheme that a browser, a system or another protocol handles is refused in every spelling, whoever registers it.
#[test]
fn no_scheme_of_a_browser_or_system_can_be_registered() {
    for scheme in [
        "javascript",
        "data",
        "file",
        "blob",
        "intent",
        "vbscript",
        "about",
        "view-source",
        "filesystem",
        "chrome",
        "chrome-extension",
        "moz-extension",
        "safari-web-extension",
        "ms-settings",
        "ms-msdt",
        "search-ms",
        "web+coffee",
        "android-app",
        "itms-apps",
        "x-apple.systempreferences",
        "mailto",
        "tel",
        "sms",
        "ssh",
        "smb",
        "ldap",
        "ws",
        "wss",
        "ftp",
        "jar",
        "content",
        "market",
        "facetime",
        "z39.50",
        "http",
    ] {
        for rest in ["://host/cb", ":/cb", ":alert(1)//host", ":///etc/passwd"] {
            let upper = scheme.to_uppercase();
            for uri in [format!("{scheme}{rest}"), format!("{upper}{rest}")] {
                assert!(validate(&uri, Native, true).is_err() && validate(&uri, Native, false).is_err(), "{uri}");
            }
        }
    }
}

#[test]
fn the_kind_of_a_client_follows_from_its_redirect_uris() {
    let kind = |uris: &[&str], public| -> ApplicationType {
        let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
        application_type_of(&uris, public)
    };
    let (loopback, own, web) = ("http://127.0.0.1:1/cb", "cursor://host/cb", "https://app.example/cb");
    for uris in [&[loopback][..], &[own], &["com.example.app:/cb"], &[loopback, own], &[web, own], &[web, loopback, own]] {
        assert_eq!(kind(uris, true), Native, "{uris:?}");
        assert_eq!(kind(uris, false), Web, "{uris:?}");
    }
    for uris in [&[][..], &[web], &[web, loopback], &["javascript:alert(1)"]] {
        assert_eq!(kind(uris, true), Web, "{uris:?}");
    }
}
