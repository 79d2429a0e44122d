"""Tests that users can sign in, in Chromium, to apps made with openid-client, Authlib, go-oidc and Spring Security.

The apps are on 127.0.0.1 and the issuer is on localhost, so that they are different sites for the browser, as in production.
"""

import secrets
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait
from support import BIN, EXAMPLES, JAVA, PASSWORD, Issuer, free_ports, started


@dataclass
class App:
    name: str
    folder: str
    command: list
    callback: str = "/callback"
    signed_out: str = "/"


NODE = ["node", "main.js"]
UVICORN = [sys.executable, "-m", "uvicorn", "main:app", "--log-level", "warning"]
APPS = {
    "node": App("Node Shop", "sign-in-node", NODE),
    # This is also the Node app, but it registers itself and asks for the answers by form_post.
    "registered": App("Self-registered Shop", "sign-in-node", NODE),
    "python": App("Python Shop", "sign-in-python", UVICORN, signed_out="/signed-out"),
    "go": App("Go Shop", "sign-in-go", [BIN / "sign-in-go"]),
    "spring": App("Spring Shop", "sign-in-spring", [*JAVA, "target/sign-in-spring.jar"], callback="/login/oauth2/code/signet"),
}
PEOPLE = {"alice": "Alice Example", "bob": "Bob <Example>", "carol": "Carol Example", "dave": "Dave Example"}


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer()
    for username, name in PEOPLE.items():
        issuer.cli("user", "add", username, "--name", name, "--email", f"{username}@example.com", "--password-stdin", stdin=PASSWORD)
    issuer.serve()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module", params=APPS)
def app(request, issuer):
    key, app = request.param, APPS[request.param]
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    env = {"ISSUER": issuer.url, "APP_URL": url, "PORT": str(port), "UVICORN_PORT": str(port)}
    if key == "registered":
        token = issuer.cli("client", "registration-token")["registration_token"]
        env |= {"INITIAL_ACCESS_TOKEN": token, "RESPONSE_MODE": "form_post"}
    else:
        scopes = [arg for scope in ("openid", "profile", "email", "offline_access") for arg in ("--scope", scope)]
        uris = ["--redirect-uri", url + app.callback, "--post-logout-redirect-uri", url + app.signed_out]
        grants = ["--access", "everyone", "--grant", "authorization_code", "--grant", "refresh_token"]
        client = issuer.cli("client", "add", "--id", f"{key}-shop", "--name", app.name, "--pkce", "required", *grants, *scopes, *uris)
        env |= {"CLIENT_ID": f"{key}-shop", "CLIENT_SECRET": client["client_secret"]}
    with started(app.command, EXAMPLES / app.folder, env, port):
        yield SimpleNamespace(url=url, name=app.name)


class Person:
    """A user with a browser of their own."""

    def __init__(self, driver, issuer, app, username):
        self.driver, self.issuer, self.app, self.username = driver, issuer, app, username

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def press(self, css: str):
        """Presses a button or link, and waits for the next page."""
        button = self.find(css)
        button.click()
        self.wait_until(staleness_of(button))

    def wait_until(self, condition):
        # While the browser goes from one page to the next, chromedriver raises several kinds of errors. So try again.
        return WebDriverWait(self.driver, 15, ignored_exceptions=[WebDriverException]).until(condition)

    def sees(self, site: str, css: str) -> str:
        """Waits until the element appears on a page of that site, and returns its text."""

        def shown(driver):
            found = driver.current_url.startswith(f"{site}/") and driver.find_elements(By.CSS_SELECTOR, css)
            return found and found[0].text

        try:
            return self.wait_until(shown)
        except TimeoutException as error:
            raise AssertionError(f"no {css} of {site} on {self.driver.current_url}: {self.find('body').text}") from error

    def begin(self):
        """Opens the app and follows its link to the sign-in page of the issuer."""
        self.driver.get(f"{self.app.url}/")
        self.press("a[href='/sign-in']")

    def type_password(self):
        assert self.sees(self.issuer.url, "h1") == "Sign in"
        self.find("[name=username]").send_keys(self.username)
        self.find("[name=password]").send_keys(PASSWORD)
        self.press("form button")

    def choose(self, choice: str):
        assert self.sees(self.issuer.url, "h1") == f"Allow {self.app.name} access?"
        self.press(f"[name=choice][value={choice}]")

    def is_signed_in(self):
        assert self.sees(self.app.url, "#name") == PEOPLE[self.username]
        assert self.find("#email").text == f"{self.username}@example.com"

    def is_signed_out(self):
        assert self.sees(self.app.url, "a[href='/sign-in']") == "Sign in"
        assert not self.driver.find_elements(By.CSS_SELECTOR, "#name, #error")


@pytest.fixture
def person(issuer, app, tmp_path):
    """Returns a function that opens a new browser for a user."""
    with ExitStack() as stack:
        yield lambda username: Person(stack.enter_context(browser(tmp_path / secrets.token_hex(8))), issuer, app, username)


def browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    return webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))


def test_sign_in_refresh_and_sign_out(issuer, person):
    alice = person("alice")
    alice.begin()
    alice.type_password()
    alice.choose("allow")
    alice.is_signed_in()

    # The app has lost its session, but the issuer still has its own. So the user is signed in again without a page of the issuer.
    alice.driver.delete_all_cookies()
    alice.begin()
    alice.is_signed_in()

    issuer.cli("user", "claims", "alice", "--claim", "name=Alice Changed")
    alice.press("[formaction='/refresh']")
    assert alice.sees(alice.app.url, "#name") == "Alice Changed"
    issuer.cli("user", "claims", "alice", "--claim", f"name={PEOPLE['alice']}")
    alice.press("[formaction='/refresh']")
    alice.is_signed_in()

    before = issuer.cli("authorization", "list", "--user", "alice")
    alice.press("[formaction='/sign-out']")
    alice.is_signed_out()
    # An app that asked for offline_access must revoke its refresh token, because it would outlive the session.
    assert len(issuer.cli("authorization", "list", "--user", "alice")) < len(before)
    # The issuer asks for the password again, but not for consent.
    alice.begin()
    alice.type_password()
    alice.is_signed_in()


def test_denied(person):
    bob = person("bob")
    bob.begin()
    bob.type_password()
    bob.choose("deny")
    assert bob.sees(bob.app.url, "#error") == "access_denied"
    # The issuer does not store the refusal, so it asks for consent again. It asks for no password, because bob is signed in there.
    bob.begin()
    bob.choose("allow")
    bob.is_signed_in()


def test_an_authorization_that_the_issuer_ends(issuer, person):
    carol = person("carol")
    carol.begin()
    carol.type_password()
    carol.choose("allow")
    carol.is_signed_in()
    issuer.cli("authorization", "end", "--user", "carol")
    carol.press("[formaction='/refresh']")
    assert carol.sees(carol.app.url, "#error") == "invalid_grant"
    carol.driver.get(f"{carol.app.url}/")
    carol.is_signed_out()


def test_two_browsers_of_one_user(person):
    first, second = person("dave"), person("dave")
    for browser in (first, second):
        browser.begin()
        browser.type_password()
        if browser is first:
            browser.choose("allow")
        browser.is_signed_in()
    second.press("[formaction='/sign-out']")
    second.is_signed_out()
    # The other browser has a session and tokens of its own.
    first.press("[formaction='/refresh']")
    first.is_signed_in()
