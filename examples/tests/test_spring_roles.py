"""Tests that Spring Security gives people authorities for their roles, which Signet tells it in the claim `roles`."""

import re
from types import SimpleNamespace

import pytest
from company import Company, Form, Visitor
from support import EXAMPLES, JAVA, PASSWORD, free_ports, started


@pytest.fixture(scope="module", params=["preset", "id-token", "userinfo"])
def shop(request):
    """The Spring Shop, which is told of the roles as the preset has it, or in the ID token or UserInfo alone. Members of `platform` are
    clerks, and so is bob."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    issuer = Company()
    issuer.cli("role", "add", "clerk")
    issuer.cli("role", "add", "auditor")
    issuer.cli("group", "edit", "platform", "--add-role", "clerk")
    issuer.cli("user", "roles", "bob", "--add", "clerk", "--add", "auditor")
    secret = issuer.add_client("spring", "--url", url)
    if request.param != "preset":
        issuer.cli("client", "claim", "set", "spring", "roles", "--from", "roles", "--only", request.param)
    issuer.cli("user", "add", "erin", "--name", "Erin", "--email", "erin@example.com", "--password-stdin", stdin=PASSWORD)
    issuer.serve()
    env = {"ISSUER": issuer.url, "PORT": str(port), "CLIENT_ID": "spring", "CLIENT_SECRET": secret}
    with started([*JAVA, "target/sign-in-spring.jar"], EXAMPLES / "sign-in-spring", env, port):
        yield SimpleNamespace(url=url, issuer=issuer)
    issuer.stop()


@pytest.fixture
def visitor(shop):
    """Returns a function that signs a user in to the shop, and returns their browser."""

    def signed_in(username: str) -> Visitor:
        visitor = Visitor(shop.issuer.url, username)
        assert visitor.sign_in(f"{shop.url}/sign-in").status_code == 200
        return visitor

    return signed_in


def roles(page) -> list[str]:
    [text] = re.findall('<span id="authorities">(.*?)</span>', page.text)
    return [authority for authority in text.split() if authority.startswith("ROLE_")]


def test_a_role_of_the_user_opens_the_page(shop, visitor):
    page = visitor("bob").get(f"{shop.url}/stock")
    assert (page.status_code, roles(page)) == (200, ["ROLE_auditor", "ROLE_clerk"])


def test_a_role_of_a_group_opens_the_page_until_a_refresh_after_it_was_taken_away(shop, visitor):
    alice = visitor("alice")
    page = alice.get(f"{shop.url}/stock")
    assert (page.status_code, roles(page)) == (200, ["ROLE_clerk"])
    shop.issuer.cli("group", "members", "platform", "--remove", "alice")
    form = Form(alice.get(f"{shop.url}/").text)
    assert alice.post(f"{shop.url}/refresh", data=form.fields).status_code == 200
    assert alice.get(f"{shop.url}/stock").status_code == 403


def test_others_do_not_see_the_page(shop, visitor):
    erin = visitor("erin")
    assert "Signed in as" in erin.get(f"{shop.url}/").text
    assert erin.get(f"{shop.url}/stock").status_code == 403
