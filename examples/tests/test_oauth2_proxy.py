"""Tests that oauth2-proxy lets the members of a group pass, and refuses others, by the groups that Signet tells it."""

import base64
import secrets
import time
from types import SimpleNamespace

import pytest
from company import Company, Visitor
from support import BIN, free_ports, started

SCOPES = "openid profile email groups"
REFRESH_SECONDS = 1
# The proxy cuts the time to whole seconds before it compares, so a session may be a second older when it is refreshed.
LATEST_REFRESH = REFRESH_SECONDS + 1.1


@pytest.fixture(scope="module", params=["id-token", "userinfo"])
def proxy(request, tmp_path_factory):
    """oauth2-proxy before a page of its own. It finds the groups in the ID token, or asks UserInfo if they are not there, as with the preset."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    issuer = Company()
    secret = issuer.add_client("oauth2-proxy", "--url", url)
    if request.param == "id-token":
        # The claims of scopes are in UserInfo, so the client gets these in the ID token, too.
        for claim in ("groups", "email", "email_verified"):
            issuer.cli("client", "claim", "set", "oauth2-proxy", claim, "--from", claim, "--only", "id-token")
    issuer.serve()
    command = [
        BIN / "oauth2-proxy",
        "--provider=oidc",
        f"--oidc-issuer-url={issuer.url}",
        "--client-id=oauth2-proxy",
        f"--client-secret={secret}",
        f"--redirect-url={url}/oauth2/callback",
        "--code-challenge-method=S256",
        f"--scope={SCOPES}",
        "--oidc-groups-claim=groups",
        "--allowed-group=platform",
        "--email-domain=*",
        "--skip-provider-button",
        f"--cookie-secret={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}",
        f"--cookie-refresh={REFRESH_SECONDS}s",
        # These are for the test: it has no TLS, and the page behind the proxy is an answer of the proxy's own.
        "--cookie-secure=false",
        f"--http-address=127.0.0.1:{port}",
        "--upstream=static://202",
        "--request-logging=false",
    ]
    with started(command, tmp_path_factory.mktemp("proxy"), {}, port):
        yield SimpleNamespace(url=url, issuer=issuer, place=request.param)
    issuer.stop()


@pytest.fixture
def visitor(proxy):
    """Returns a function that opens a browser for a user."""
    return lambda username: Visitor(proxy.issuer.url, username)


def test_a_member_passes_and_the_proxy_knows_the_groups(proxy, visitor):
    with visitor("alice") as alice:
        assert alice.sign_in(f"{proxy.url}/").status_code == 202
        told = alice.get(f"{proxy.url}/oauth2/userinfo").raise_for_status().json()
        assert (told["email"], told["groups"]) == ("alice@example.com", ["platform"])
    # Signet foretells where the proxy finds them.
    places = proxy.issuer.tried("oauth2-proxy", "alice", SCOPES, "groups")
    assert (places.get("ID token"), places["UserInfo"]) == (["platform"] if proxy.place == "id-token" else None, ["platform"])


def test_others_are_refused(proxy, visitor):
    with visitor("bob") as bob:
        assert bob.sign_in(f"{proxy.url}/").status_code == 403


def test_a_member_whose_email_address_nobody_verified_is_refused(proxy, visitor):
    with visitor("dave") as dave:
        assert dave.sign_in(f"{proxy.url}/").status_code == 403
    proxy.issuer.verify_email("dave")
    with visitor("dave") as dave:
        assert dave.sign_in(f"{proxy.url}/").status_code == 202


def test_a_member_who_leaves_the_group_is_refused_after_the_next_refresh(proxy, visitor):
    with visitor("carol") as carol:
        assert carol.sign_in(f"{proxy.url}/").status_code == 202
        time.sleep(LATEST_REFRESH)
        assert carol.get(f"{proxy.url}/").status_code == 202
        proxy.issuer.cli("group", "members", "platform", "--remove", "carol")
        time.sleep(LATEST_REFRESH)
        assert carol.get(f"{proxy.url}/").status_code == 403
