"""Tests that the verifier that Spring Boot sets up by default takes access tokens of a resource with the type JWT, and of no other."""

import json
from types import SimpleNamespace

import pytest
from support import EXAMPLES, JAVA, ORDERS, Issuer, curl, free_ports, started

SERVICE = EXAMPLES / "tests" / "spring-defaults"


@pytest.fixture(scope="module")
def service():
    """A service with the defaults of Spring Boot, and a client that gets tokens for it."""
    issuer = Issuer()
    issuer.cli("resource", "add", ORDERS, "--name", "Orders", "--scope", "orders:read=See orders")
    scope = ["--scope", "orders:read", "--grant", "client_credentials", "--access", "everyone"]
    secret = issuer.cli("client", "add", "--id", "worker", "--name", "Worker", *scope)["client_secret"]
    issuer.serve()
    [port] = free_ports(1)
    env = {"ISSUER": issuer.url, "AUDIENCE": ORDERS, "PORT": str(port)}
    with started([*JAVA, "target/spring-defaults.jar"], SERVICE, env, port):
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", issuer=issuer, secret=secret)
    issuer.stop()


def asks(service) -> tuple[int, str]:
    """Asks the service with a new token. Returns the status and the body of the answer."""
    form = ["-u", f"worker:{service.secret}", "-d", "grant_type=client_credentials", "-d", f"resource={ORDERS}"]
    _, _, answer = curl(*form, f"{service.issuer.url}/token")
    token = json.loads(answer)["access_token"]
    status, _, body = curl("-H", f"Authorization: Bearer {token}", f"{service.url}/me")
    return status, body


def test_only_tokens_of_the_type_jwt_pass(service):
    assert asks(service)[0] == 401
    service.issuer.cli("resource", "edit", ORDERS, "--access-token-typ", "JWT")
    assert asks(service) == (200, "worker")
    service.issuer.cli("resource", "edit", ORDERS, "--access-token-typ", "at+jwt")
    assert asks(service)[0] == 401
