//! Presets for applications that companies have.

use super::kinds::BLANK;
use super::{Claim, Preset};

pub(super) const PRESETS: &[Preset] = &[
    Preset {
        name: "grafana",
        title: "Grafana",
        about: "Dashboards. The groups of a person choose their role.",
        example: "https://grafana.example.com",
        first_party: true,
        redirect_uris: &["{url}/login/generic_oauth"],
        post_logout_redirect_uris: &["{url}/login"],
        scopes: &["openid", "profile", "email", "groups"],
        claims: &[Claim::in_both("groups", "groups")],
        paste: &[(
            "grafana.ini",
            r"
[server]
root_url = {url}

[auth.generic_oauth]
enabled = true
name = Signet
client_id = {client_id}
client_secret = {client_secret}
scopes = openid profile email groups
auth_url = {issuer}/authorize
token_url = {issuer}/token
api_url = {issuer}/userinfo
signout_redirect_url = {issuer}/end_session?client_id={client_id}&post_logout_redirect_uri={url}/login
use_pkce = true
login_attribute_path = preferred_username
groups_attribute_path = groups
role_attribute_path = contains(groups[*], 'admins') && 'Admin' || 'Viewer'
allow_sign_up = true
",
        )],
        ..BLANK
    },
    Preset {
        name: "gitlab",
        title: "GitLab",
        about: "Repositories and pipelines on a server of your own.",
        example: "https://gitlab.example.com",
        first_party: true,
        redirect_uris: &["{url}/users/auth/openid_connect/callback"],
        scopes: &["openid", "profile", "email", "groups"],
        id_token_claims: true,
        claims: &[Claim::in_both("groups", "groups")],
        paste: &[(
            "/etc/gitlab/gitlab.rb",
            r#"
gitlab_rails['omniauth_allow_single_sign_on'] = ['openid_connect']
gitlab_rails['omniauth_block_auto_created_users'] = false
gitlab_rails['omniauth_providers'] = [
  {
    name: "openid_connect",
    label: "Signet",
    args: {
      name: "openid_connect",
      scope: ["openid", "profile", "email", "groups"],
      response_type: "code",
      issuer: "{issuer}",
      discovery: true,
      client_auth_method: "basic",
      uid_field: "sub",
      pkce: true,
      client_options: {
        identifier: "{client_id}",
        secret: "{client_secret}",
        redirect_uri: "{url}/users/auth/openid_connect/callback"
      }
    }
  }
]
"#,
        )],
        ..BLANK
    },
    Preset {
        name: "jupyterhub",
        title: "JupyterHub",
        about: "Notebooks for many people. Groups say who may use and who administers it.",
        run_with: Some("JupyterHub 6.1.1 and oauthenticator 17.4.0"),
        example: "https://hub.example.com",
        first_party: true,
        redirect_uris: &["{url}/hub/oauth_callback"],
        scopes: &["openid", "profile"],
        claims: &[Claim::in_userinfo("groups", "groups")],
        paste: &[(
            "jupyterhub_config.py",
            r#"
c.JupyterHub.authenticator_class = "generic-oauth"
c.Authenticator.auto_login = True
c.GenericOAuthenticator.client_id = "{client_id}"
c.GenericOAuthenticator.client_secret = "{client_secret}"
c.GenericOAuthenticator.oauth_callback_url = "{url}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = "{issuer}/authorize"
c.GenericOAuthenticator.token_url = "{issuer}/token"
c.GenericOAuthenticator.userdata_url = "{issuer}/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.allowed_groups = {"platform"}
c.GenericOAuthenticator.admin_groups = {"operators"}
"#,
        )],
        ..BLANK
    },
    Preset {
        name: "oauth2-proxy",
        title: "oauth2-proxy",
        about: "A proxy that signs people in before an application that cannot do so itself.",
        run_with: Some("oauth2-proxy 7.15.6"),
        example: "https://app.example.com",
        first_party: true,
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["{url}/oauth2/callback"],
        scopes: &["openid", "profile", "email", "groups"],
        paste: &[(
            "A shell",
            r#"
oauth2-proxy --provider=oidc --oidc-issuer-url={issuer} \
  --client-id={client_id} --client-secret={client_secret} --redirect-url={url}/oauth2/callback \
  --code-challenge-method=S256 --scope="openid profile email groups" \
  --oidc-groups-claim=groups --allowed-group=platform --email-domain='*' \
  --cookie-secret="$(openssl rand -base64 32 | tr -- '+/' '-_')" --cookie-refresh=5m \
  --skip-provider-button --upstream=http://127.0.0.1:3000
"#,
        )],
        ..BLANK
    },
    Preset {
        name: "nextcloud",
        title: "Nextcloud",
        about: "Files and calendars, with the app user_oidc.",
        example: "https://cloud.example.com",
        first_party: true,
        redirect_uris: &["{url}/apps/user_oidc/code", "{url}/index.php/apps/user_oidc/code"],
        post_logout_redirect_uris: &["{url}/"],
        // The last part is the name that the line below gives the provider.
        backchannel_logout_uri: "{url}/index.php/apps/user_oidc/backchannel-logout/Signet",
        scopes: &["openid", "profile", "email", "groups"],
        id_token_claims: true,
        claims: &[Claim::in_both("groups", "groups")],
        paste: &[(
            "A shell in the folder of Nextcloud",
            r"
php occ app:install user_oidc
php occ user_oidc:provider Signet --clientid='{client_id}' --clientsecret='{client_secret}' \
  --discoveryuri='{issuer}/.well-known/openid-configuration' --scope='openid email profile groups' \
  --mapping-uid=sub --mapping-display-name=name --mapping-email=email --mapping-groups=groups --group-provisioning=1 \
  --send-id-token-hint=1
",
        )],
        ..BLANK
    },
    Preset {
        name: "minio",
        title: "MinIO",
        about: "Object storage. The groups of a person name the policies that they get.",
        example: "https://minio.example.com",
        first_party: true,
        redirect_uris: &["{url}/oauth_callback"],
        without_pkce: true,
        scopes: &["openid", "profile", "email"],
        id_token_claims: true,
        claims: &[Claim::in_id_token("policy", "groups")],
        paste: &[(
            "The environment of the MinIO server",
            r#"
MINIO_IDENTITY_OPENID_CONFIG_URL="{issuer}/.well-known/openid-configuration"
MINIO_IDENTITY_OPENID_CLIENT_ID="{client_id}"
MINIO_IDENTITY_OPENID_CLIENT_SECRET="{client_secret}"
MINIO_IDENTITY_OPENID_DISPLAY_NAME="Signet"
MINIO_IDENTITY_OPENID_SCOPES="openid,profile,email"
MINIO_IDENTITY_OPENID_CLAIM_NAME="policy"
MINIO_IDENTITY_OPENID_REDIRECT_URI_DYNAMIC="on"
MINIO_BROWSER_REDIRECT_URL="{url}"
"#,
        )],
        ..BLANK
    },
    Preset {
        name: "pgadmin",
        title: "pgAdmin",
        about: "Administration of PostgreSQL in a browser.",
        example: "https://pgadmin.example.com",
        first_party: true,
        redirect_uris: &["{url}/oauth2/authorize"],
        post_logout_redirect_uris: &["{url}/"],
        scopes: &["openid", "profile", "email"],
        id_token_claims: true,
        claims: &[Claim::in_both("groups", "groups")],
        paste: &[(
            "config_local.py",
            r"
AUTHENTICATION_SOURCES = ['oauth2', 'internal']
OAUTH2_AUTO_CREATE_USER = True
OAUTH2_CONFIG = [{
    'OAUTH2_NAME': 'signet',
    'OAUTH2_DISPLAY_NAME': 'Signet',
    'OAUTH2_CLIENT_ID': '{client_id}',
    'OAUTH2_CLIENT_SECRET': '{client_secret}',
    'OAUTH2_SERVER_METADATA_URL': '{issuer}/.well-known/openid-configuration',
    'OAUTH2_TOKEN_URL': '{issuer}/token',
    'OAUTH2_AUTHORIZATION_URL': '{issuer}/authorize',
    'OAUTH2_API_BASE_URL': '{issuer}/',
    'OAUTH2_USERINFO_ENDPOINT': '{issuer}/userinfo',
    'OAUTH2_LOGOUT_URL': '{issuer}/end_session?post_logout_redirect_uri={redirect_uri}&id_token_hint={id_token}',
    'OAUTH2_SCOPE': 'openid email profile',
    'OAUTH2_USERNAME_CLAIM': 'preferred_username',
    'OAUTH2_CHALLENGE_METHOD': 'S256',
    'OAUTH2_RESPONSE_TYPE': 'code',
    'OAUTH2_ICON': 'fa-openid',
    'OAUTH2_BUTTON_COLOR': '#2255aa',
    'OAUTH2_ADDITIONAL_CLAIMS': {'groups': ['platform']},
}]
",
        )],
        ..BLANK
    },
    Preset {
        name: "spring",
        title: "Spring Boot",
        about: "An application of your own with Spring Security. The roles of a person become their authorities.",
        run_with: Some("Spring Boot 4.0.7 (Spring Security 7)"),
        example: "https://shop.example.com",
        grants: &["authorization_code", "refresh_token"],
        redirect_uris: &["{url}/login/oauth2/code/signet"],
        post_logout_redirect_uris: &["{url}/"],
        scopes: &["openid", "profile", "email", "offline_access"],
        claims: &[Claim::in_both("roles", "roles")],
        paste: &[(
            "application.properties",
            r"
spring.security.oauth2.client.provider.signet.issuer-uri={issuer}
spring.security.oauth2.client.registration.signet.client-id={client_id}
spring.security.oauth2.client.registration.signet.client-secret={client_secret}
spring.security.oauth2.client.registration.signet.scope=openid,profile,email,offline_access
",
        )],
        ..BLANK
    },
];
