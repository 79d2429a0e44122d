//! Presets for what runs clusters, whose command lines sign people in too.

use super::kinds::BLANK;
use super::{Claim, Preset};

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        name: "argocd",
        title: "Argo CD",
        about: "Deployments to Kubernetes. It is public with PKCE, because its command line signs people in too.",
        example: "https://argocd.example.com",
        public: true,
        first_party: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["{url}/auth/callback", "{url}/pkce/verify", "http://localhost:8085/auth/callback"],
        post_logout_redirect_uris: &["{url}", "{url}/applications"],
        scopes: &["openid", "profile", "email", "groups"],
        id_token_claims: true,
        claims: &[Claim::in_id_token("groups", "groups")],
        paste: &[
            (
                "The ConfigMap argocd-cm",
                r#"
data:
  url: {url}
  oidc.config: |
    name: Signet
    issuer: {issuer}
    clientID: "{client_id}"
    enablePKCEAuthentication: true
    requestedScopes: ["openid", "profile", "email", "groups"]
    logoutURL: {issuer}/end_session?id_token_hint={{token}}&post_logout_redirect_uri={{logoutRedirectURL}}
"#,
            ),
            (
                "The ConfigMap argocd-rbac-cm",
                r"
data:
  policy.csv: |
    g, platform, role:admin
  policy.default: role:readonly
",
            ),
            ("A shell, to sign in", "argocd login {host} --sso --grpc-web{root_path}"),
        ],
        ..BLANK
    },
    Preset {
        name: "kubernetes",
        title: "Kubernetes",
        about: "The API server, for kubectl with kubelogin. The issuer must be https.",
        run_with: Some(
            "the authenticator of Kubernetes 1.37 (k8s.io/apiserver 0.37.2); kubectl with kubelogin is from its maker's documentation, not run",
        ),
        public: true,
        native: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["http://localhost:8000", "http://localhost:18000"],
        scopes: &["openid", "email", "offline_access"],
        claims: &[
            Claim::in_id_token("email", "email"),
            Claim::in_id_token("email_verified", "email_verified"),
            Claim::in_id_token("groups", "groups"),
        ],
        paste: &[
            (
                "The file of the API server's --authentication-config",
                r#"
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
  - issuer:
      url: {issuer}
      audiences: ["{client_id}"]
    claimMappings:
      username:
        claim: email
        prefix: ""
      groups:
        claim: groups
        prefix: "signet:"
"#,
            ),
            (
                "A shell, for kubectl",
                r"
kubectl config set-credentials signet --exec-api-version=client.authentication.k8s.io/v1 --exec-interactive-mode=Never \
  --exec-command=kubectl --exec-arg=oidc-login --exec-arg=get-token --exec-arg=--oidc-issuer-url={issuer} \
  --exec-arg=--oidc-client-id={client_id} --exec-arg=--oidc-extra-scope=email --exec-arg=--oidc-extra-scope=offline_access
",
            ),
        ],
        ..BLANK
    },
    Preset {
        name: "vault",
        title: "Vault",
        about: "Secrets. The groups of a person become those of Vault; its command line signs people in too.",
        example: "https://vault.example.com",
        first_party: true,
        redirect_uris: &["{url}/ui/vault/auth/oidc/oidc/callback", "http://localhost:8250/oidc/callback"],
        scopes: &["openid", "profile", "email", "groups"],
        claims: &[Claim::in_id_token("groups", "groups")],
        paste: &[(
            "A shell",
            r"
vault auth enable oidc
vault write auth/oidc/config oidc_discovery_url={issuer} oidc_client_id={client_id} \
  oidc_client_secret={client_secret} default_role=default
vault write auth/oidc/role/default user_claim=sub groups_claim=groups oidc_scopes=profile,email,groups token_policies=default \
  allowed_redirect_uris={url}/ui/vault/auth/oidc/oidc/callback allowed_redirect_uris=http://localhost:8250/oidc/callback
vault login -method=oidc
",
        )],
        ..BLANK
    },
];
