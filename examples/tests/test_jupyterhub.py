"""Tests that JupyterHub with GenericOAuthenticator lets people in, and makes them administrators, by the groups that Signet tells it."""

import secrets
import sys
import time
from types import SimpleNamespace

import httpx2
import pytest
from company import Company, Visitor
from support import EXAMPLES, free_ports, started

FOLDER = EXAMPLES / "tests" / "jupyterhub"
PROXY = FOLDER / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"


@pytest.fixture(scope="module", params=["userinfo", "id-token"])
def hub(request, tmp_path_factory):
    """JupyterHub that reads the groups in UserInfo, as the preset has it, or in the ID token, where alone it is told of them then."""
    port, hub_port, proxy_port = free_ports(3)
    url, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    issuer = Company()
    secret = issuer.add_client("jupyterhub", "--url", url)
    if request.param == "id-token":
        issuer.cli("client", "claim", "set", "jupyterhub", "groups", "--from", "groups", "--only", "id-token")
        issuer.cli("client", "claim", "set", "jupyterhub", "preferred_username", "--from", "username", "--only", "id-token")
    issuer.serve()
    env = {
        "ISSUER": issuer.url,
        "CLIENT_SECRET": secret,
        "GROUPS_FROM": request.param,
        "HUB_URL": url,
        "HUB_PORT": str(hub_port),
        "PROXY_PORT": str(proxy_port),
        "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16),
        "API_TOKEN": token,
    }
    folder = tmp_path_factory.mktemp("hub")
    proxy = ["node", PROXY, "--ip", "127.0.0.1", "--port", str(port), "--api-port", str(proxy_port), "--log-level", "warn"]
    command = [sys.executable, "-m", "jupyterhub", "--config", FOLDER / "jupyterhub_config.py"]
    with started(proxy, folder, env, port), started(command, folder, env, hub_port):
        while httpx2.get(f"{url}/hub/health", timeout=60).status_code != 200:
            time.sleep(0.05)  # until the hub has told the proxy where it is
        api = httpx2.Client(base_url=f"{url}/hub/api", headers={"Authorization": f"token {token}"}, timeout=60)
        yield SimpleNamespace(url=url, issuer=issuer, api=api, place=request.param)
    issuer.stop()


def sign_in(hub, username: str) -> httpx2.Response:
    with Visitor(hub.issuer.url, username) as visitor:
        return visitor.sign_in(f"{hub.url}/hub/home")


def known(hub, username: str) -> tuple[list, bool]:
    user = hub.api.get(f"/users/{username}").raise_for_status().json()
    return sorted(user["groups"]), user["admin"]


def test_a_member_gets_in_and_the_hub_knows_the_groups(hub):
    page = sign_in(hub, "alice")
    assert (page.status_code, str(page.url)) == (200, f"{hub.url}/hub/home")
    assert known(hub, "alice") == (["platform"], False)
    # Signet foretells what the hub is told.
    places = hub.issuer.tried("jupyterhub", "alice", "openid profile", "groups")
    assert list(places.values()) == [["platform"]], places


def test_a_member_of_an_admin_group_administers_the_hub(hub):
    assert sign_in(hub, "carol").status_code == 200
    assert known(hub, "carol") == (["operators", "platform"], True)


def test_others_stay_outside(hub):
    assert sign_in(hub, "bob").status_code == 403
    assert "bob" not in [user["name"] for user in hub.api.get("/users").raise_for_status().json()]


def test_a_member_who_leaves_the_group_stays_outside_from_the_next_sign_in_on(hub):
    assert sign_in(hub, "dave").status_code == 200
    hub.issuer.cli("group", "members", "platform", "--remove", "dave")
    assert sign_in(hub, "dave").status_code == 403
