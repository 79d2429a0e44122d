"""Tests that the authenticator of the Kubernetes API server takes Signet's ID tokens, with the user name from `email` and with `groups`."""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import ssl
import threading
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx2
import pytest
import trustme
from company import Company, Visitor
from support import BIN, EXAMPLES, free_ports, started

CONFIGURATION = EXAMPLES / "tests" / "kubernetes-oidc" / "authentication.yaml"
# These are the scopes and the address of kubelogin, which gets the tokens for kubectl.
SCOPES = "openid email offline_access"
REDIRECT_URI = "http://localhost:8000"


class TlsFront:
    """Ends TLS in front of the issuer, because Kubernetes takes only issuers that are https."""

    def __init__(self):
        self.authority, self.backend = trustme.CA(), 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost").configure_cert(context)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        serve = asyncio.start_server(self.forward, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(serve, self.loop).result(10)
        self.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"

    async def forward(self, reader, writer):
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", self.backend)
        await asyncio.gather(self.copy(reader, backend_writer), self.copy(backend_reader, writer), return_exceptions=True)

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(64 << 10):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory):
    front = TlsFront()
    issuer = Company(SIGNET_ISSUER=front.url, SIGNET_TRUSTED_PROXIES="")
    front.backend = issuer.port
    issuer.add_client("kubernetes")
    issuer.add_client("kubernetes", "--id", "other")
    issuer.serve()

    [port] = free_ports(1)
    folder = tmp_path_factory.mktemp("kubernetes")
    certificate = front.authority.cert_pem.bytes().decode()
    issuer_lines = f"url: {front.url}\n      certificateAuthority: {json.dumps(certificate)}"
    configuration = re.sub(r"url: https://id\.example\.com", lambda _: issuer_lines, CONFIGURATION.read_text())
    (folder / "authentication.yaml").write_text(configuration)
    url = f"http://127.0.0.1:{port}"
    with started([BIN / "kubernetes-oidc", folder / "authentication.yaml", str(port)], folder, {}, port):
        while httpx2.post(url, content="", timeout=60).status_code == 503:
            time.sleep(0.05)  # until the issuer's keys are known
        trust = ssl.create_default_context()
        front.authority.configure_trust(trust)
        yield SimpleNamespace(url=url, issuer=issuer, issuer_url=front.url, trust=trust)
    issuer.stop()


def tokens(kubernetes, username: str, client: str = "kubernetes") -> dict:
    """Signs the user in as kubelogin does: in a browser, with PKCE and without a secret."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {"client_id": client, "redirect_uri": REDIRECT_URI, "response_type": "code", "scope": SCOPES}
    asked |= {"code_challenge": challenge, "code_challenge_method": "S256", "state": "s", "nonce": "n"}
    with Visitor(kubernetes.issuer_url, username, verify=kubernetes.trust) as visitor:
        code = visitor.code(f"{kubernetes.issuer_url}/authorize?{urlencode(asked)}", REDIRECT_URI)
        form = {"grant_type": "authorization_code", "client_id": client, "redirect_uri": REDIRECT_URI}
        form |= {"code": code, "code_verifier": verifier}
        return visitor.post(f"{kubernetes.issuer_url}/token", data=form).raise_for_status().json()


def seen(kubernetes, token: str) -> tuple[int, str]:
    answer = httpx2.post(kubernetes.url, content=token, timeout=60)
    return answer.status_code, answer.text


def test_the_user_name_is_the_address_and_the_groups_are_those_of_the_user(kubernetes):
    status, body = seen(kubernetes, tokens(kubernetes, "carol")["id_token"])
    assert status == 200, body
    assert json.loads(body) == {"username": "carol@example.com", "groups": ["signet:operators", "signet:platform"]}
    # Signet foretells what Kubernetes is told.
    assert kubernetes.issuer.tried("kubernetes", "carol", SCOPES, "groups")["ID token"] == ["operators", "platform"]


def test_a_user_of_no_group_that_the_client_is_told_of(kubernetes):
    status, body = seen(kubernetes, tokens(kubernetes, "bob")["id_token"])
    assert (status, json.loads(body)["username"], json.loads(body)["groups"] or []) == (200, "bob@example.com", [])


def test_an_address_that_nobody_verified_is_refused(kubernetes):
    status, reason = seen(kubernetes, tokens(kubernetes, "dave")["id_token"])
    assert (status, "email not verified" in reason) == (401, True), reason
    kubernetes.issuer.verify_email("dave")
    assert seen(kubernetes, tokens(kubernetes, "dave")["id_token"])[0] == 200


def test_tokens_for_others_are_refused(kubernetes):
    assert seen(kubernetes, tokens(kubernetes, "alice")["id_token"])[0] == 200
    assert seen(kubernetes, tokens(kubernetes, "alice")["access_token"])[0] == 401
    status, reason = seen(kubernetes, tokens(kubernetes, "alice", client="other")["id_token"])
    assert (status, "audience" in reason) == (401, True), reason
