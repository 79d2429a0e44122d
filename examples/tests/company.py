"""An issuer with groups, for the tests of programs that other people made, and visitors who sign in to those programs."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2
from support import PASSWORD, Issuer

# Dave's email address is the only one that nobody has verified.
PEOPLE = ("alice", "bob", "carol", "dave")
GROUPS = {"platform": ("alice", "carol", "dave"), "operators": ("carol",), "sales": ("alice", "bob")}
# The programs are told of these groups only, so none of them must see `sales`.
TOLD = ("platform", "operators")


class Company(Issuer):
    """An issuer with the people and groups above."""

    def __init__(self, **settings: str):
        super().__init__(**settings)
        for username in PEOPLE:
            named = ["--name", username.title(), "--email", f"{username}@example.com"]
            self.cli("user", "add", username, *named, "--password-stdin", stdin=PASSWORD)
        for group, members in GROUPS.items():
            self.cli("group", "add", group)
            self.cli("group", "members", group, *(arg for username in members for arg in ("--add", username)))
        self.verify_email("alice", "bob", "carol")

    def verify_email(self, *usernames: str):
        """Says that the addresses of these users are known to be theirs."""
        for username in usernames:
            self.cli("user", "edit", username, "--email-verified", "true")

    def add_client(self, id: str, redirect_uri: str, scopes: str, *args: str) -> str:
        """Adds a client that is told of the groups in TOLD. Returns its secret. Everyone may sign in, so that the program decides."""
        allowed = [arg for scope in scopes.split() for arg in ("--scope", scope)]
        groups = [arg for group in TOLD for arg in ("--group", group)]
        redirect = ["--grant", "authorization_code", "--redirect-uri", redirect_uri]
        named = ["--id", id, "--name", id, "--first-party", "--access", "everyone"]
        return self.cli("client", "add", *named, *groups, *redirect, *allowed, *args)["client_secret"]

    def tried(self, client: str, username: str, scopes: str, claim: str) -> dict:
        """Returns the value of a claim in each place, as `signet client try` shows it."""
        asked = [arg for scope in scopes.split() for arg in ("--scope", scope)]
        trial = self.cli("client", "try", client, "--user", username, *asked)
        return {
            place["place"]: found.get("value")
            for place in trial["places"]
            for found in place["claims"]
            if found["claim"] == claim
        }


class Form(HTMLParser):
    """The first form of a page: where it leads, and its hidden fields."""

    def __init__(self, html: str):
        super().__init__()
        self.action, self.fields, self.open = None, {}, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self.open = attrs.get("action", ""), True
        elif tag == "input" and self.open and attrs.get("type") == "hidden":
            self.fields[attrs["name"]] = attrs["value"]

    def handle_endtag(self, tag):
        self.open = self.open and tag != "form"


class Visitor(httpx2.Client):
    """A browser of one user, without scripts: it keeps cookies and follows redirects."""

    def __init__(self, issuer: str, username: str):
        super().__init__(follow_redirects=True, timeout=60)
        self.issuer, self.username = issuer, username

    def sign_in(self, url: str) -> httpx2.Response:
        """Opens a page that sends people to the issuer, signs in there, and returns the page to which the program leads then."""
        page = self.get(url)
        assert str(page.url).startswith(f"{self.issuer}/"), f"{page.url}: {page.text}"
        form = Form(page.text)
        answer = self.post(urljoin(str(page.url), form.action), data=form.fields | {"username": self.username, "password": PASSWORD})
        assert not str(answer.url).startswith(f"{self.issuer}/"), f"{answer.url}: {answer.text}"
        return answer
