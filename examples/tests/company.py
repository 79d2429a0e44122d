"""An issuer with groups, for the tests of programs that other people made, and visitors who sign in to those programs."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

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

    def add_client(self, preset: str, *args: str) -> str | None:
        """Adds a client as the preset makes it, which is told of the groups in TOLD. Returns its secret, if it has one. Everyone may sign in,
        so that the program decides."""
        groups = [arg for group in TOLD for arg in ("--group", group)]
        return self.cli("client", "add", "--preset", preset, "--access", "everyone", *groups, *args).get("client_secret")

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

    def __init__(self, issuer: str, username: str, **options):
        super().__init__(follow_redirects=True, timeout=60, **options)
        self.issuer, self.username = issuer, username

    def is_at_issuer(self, page: httpx2.Response) -> bool:
        return str(page.url).startswith(f"{self.issuer}/")

    def submit(self, page: httpx2.Response, fields: dict, **options) -> httpx2.Response:
        """Sends the first form of the page with its hidden fields and these."""
        form = Form(page.text)
        return self.post(urljoin(str(page.url), form.action), data=form.fields | fields, **options)

    def sign_in(self, url: str) -> httpx2.Response:
        """Opens a page that sends people to the issuer, signs in there, allows what the program asks for, and returns the page to which the
        program leads then."""
        page = self.get(url)
        assert self.is_at_issuer(page), f"{page.url}: {page.text}"
        page = self.submit(page, {"username": self.username, "password": PASSWORD})
        if self.is_at_issuer(page) and "<h1>Allow" in page.text:
            page = self.submit(page, {"choice": "allow"})
        assert not self.is_at_issuer(page), f"{page.url}: {page.text}"
        return page

    def code(self, url: str, redirect_uri: str) -> str:
        """Signs in as `sign_in` does for a program on this device, and returns the code that the issuer sends it. Nobody need listen there."""
        page = self.submit(self.get(url), {"username": self.username, "password": PASSWORD}, follow_redirects=False)
        while True:
            if page.is_redirect:
                location = urljoin(str(page.url), page.headers["location"])
                if location.startswith(redirect_uri):
                    return parse_qs(urlsplit(location).query)["code"][0]
                page = self.get(location, follow_redirects=False)
            else:
                assert "<h1>Allow" in page.text, f"{page.url}: {page.text}"
                page = self.submit(page, {"choice": "allow"}, follow_redirects=False)
