//! Presets for kinds of applications.

use super::Preset;

/// The lines that most libraries ask for.
const ENVIRONMENT: (&str, &str) = (
    "The environment of the application",
    "OIDC_ISSUER={issuer}\nOIDC_CLIENT_ID={client_id}\nOIDC_CLIENT_SECRET={client_secret}\nOIDC_REDIRECT_URI={url}/callback",
);
/// The lines of an application without a secret.
const PUBLIC: (&str, &str) = ("The settings of the application", "issuer={issuer}\nclient_id={client_id}\nredirect_uri={url}/callback");
/// The lines of an application on a device.
const LOOPBACK: (&str, &str) =
    ("The settings of the application", "issuer={issuer}\nclient_id={client_id}\nredirect_uri=http://127.0.0.1:PORT/callback");

/// The preset that all others change.
pub(super) const BLANK: Preset = Preset {
    name: "",
    title: "",
    about: "",
    run_with: None,
    source: "the maker's documentation",
    example: "",
    public: false,
    native: false,
    first_party: false,
    grants: &["authorization_code"],
    auth_method: None,
    redirect_uris: &[],
    post_logout_redirect_uris: &[],
    backchannel_logout_uri: "",
    without_pkce: false,
    scopes: &["openid", "profile", "email"],
    id_token_claims: false,
    claims: &[],
    paste: &[],
};

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        name: "web",
        title: "Web application",
        about: "An application on a server, which keeps a secret and signs people in.",
        run_with: Some("openid-client (Node), Authlib (Python) and go-oidc in examples/"),
        example: "https://app.example.com",
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["{url}/callback"],
        post_logout_redirect_uris: &["{url}/"],
        scopes: &["openid", "profile", "email", "offline_access"],
        paste: &[ENVIRONMENT],
        ..BLANK
    },
    Preset {
        name: "single-page",
        title: "Single-page application",
        about: "Scripts in a browser, which keep no secret. They use PKCE.",
        source: "RFC 9700",
        example: "https://app.example.com",
        public: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["{url}/callback"],
        post_logout_redirect_uris: &["{url}/"],
        paste: &[PUBLIC],
        ..BLANK
    },
    Preset {
        name: "native",
        title: "Native application",
        about: "An application on people's devices, which listens on a loopback port for the answer. It uses PKCE.",
        source: "RFC 8252",
        public: true,
        native: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["http://127.0.0.1/callback", "http://[::1]/callback"],
        scopes: &["openid", "profile", "email", "offline_access"],
        paste: &[LOOPBACK],
        ..BLANK
    },
    Preset {
        name: "service",
        title: "Service",
        about: "A program that asks for tokens of its own, for no person. Name its scopes and its resource.",
        source: "RFC 6749 section 4.4",
        grants: &["client_credentials"],
        scopes: &[],
        paste: &[("A shell, to try it", "curl -u '{client_id}:{client_secret}' -d grant_type=client_credentials {issuer}/token")],
        ..BLANK
    },
    Preset {
        name: "command-line",
        title: "Command line",
        about: "A program in a shell, which opens the browser and listens on a loopback port for the answer. It uses PKCE.",
        source: "RFC 8252",
        public: true,
        native: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["http://localhost/callback", "http://127.0.0.1/callback"],
        scopes: &["openid", "profile", "offline_access"],
        paste: &[LOOPBACK],
        ..BLANK
    },
];
