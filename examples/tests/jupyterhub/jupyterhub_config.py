"""JupyterHub whose users sign in with Signet. The members of the group `platform` may use it, and `operators` administer it."""

import os

c = get_config()  # noqa: F821

issuer = os.environ["ISSUER"]
hub = os.environ["HUB_URL"]

c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "jupyterhub"
c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = f"{hub}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{issuer}/authorize"
c.GenericOAuthenticator.token_url = f"{issuer}/token"
c.GenericOAuthenticator.scope = ["openid", "profile"]
c.GenericOAuthenticator.username_claim = "preferred_username"
if os.environ["GROUPS_FROM"] == "userinfo":
    c.GenericOAuthenticator.userdata_url = f"{issuer}/userinfo"
else:
    c.GenericOAuthenticator.userdata_from_id_token = True
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.allowed_groups = {"platform"}
c.GenericOAuthenticator.admin_groups = {"operators"}
c.Authenticator.auto_login = True

# The rest lets the test run it: ports, no notebook servers, and a token with which the test asks the hub what it knows of people.
c.JupyterHub.bind_url = hub
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['PROXY_PORT']}"
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.redirect_to_server = False
c.JupyterHub.log_level = "WARN"
c.JupyterHub.services = [{"name": "test", "api_token": os.environ["API_TOKEN"]}]
c.JupyterHub.load_roles = [{"name": "test", "services": ["test"], "scopes": ["list:users", "read:users"]}]
