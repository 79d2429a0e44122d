r"""An example web app whose users sign in with Signet, made with Authlib and Starlette.

It uses the authorization code flow (OpenID Connect Core §3.1).

signet client add --id shop-python --name "Python Shop" --access everyone --grant authorization_code --grant refresh_token \
  --scope openid --scope profile --scope email \
  --redirect-uri http://localhost:9005/callback --post-logout-redirect-uri http://localhost:9005/signed-out \
  --backchannel-logout-uri http://localhost:9005/backchannel-logout
CLIENT_ID=shop-python CLIENT_SECRET=… uvicorn main:app --port 9005

The issuer posts to http URLs, and to this machine, only with SIGNET_FETCH_PRIVATE_ADDRESSES=true, which is for development.
"""

import os
import secrets
from html import escape
from urllib.parse import parse_qs

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

import backchannel

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
APP = os.environ.get("APP_URL", "http://localhost:9005")
CLIENT_ID = os.environ["CLIENT_ID"]

signet = OAuth().register(
    "signet",
    client_id=CLIENT_ID,
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)
# Authlib always checks the signature, times, nonce and at_hash of an ID token, but `iss` and `aud` only as these options say.
CLAIMS = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": CLIENT_ID}}

# The signed-in users, by session id. An app that runs in more than one process keeps them in a database.
people: dict[str, dict] = {}


def page(content: str, status: int = 200) -> HTMLResponse:
    text = f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Shop</title><h1>Shop</h1>{content}'
    return HTMLResponse(text, status, {"Cache-Control": "no-store"})


def see_other(location: str) -> RedirectResponse:
    return RedirectResponse(location, 303)


async def home(request: Request) -> Response:
    person = people.get(request.session.get("id", ""))
    if person is None:
        return page('<p><a href="/sign-in">Sign in</a></p>')
    name, email = (escape(person["claims"].get(claim, "")) for claim in ("name", "email"))
    return page(
        f'<p>Signed in as <strong id="name">{name}</strong>, <span id="email">{email}</span></p>'
        '<form method="post"><button formaction="/refresh">Refresh</button> <button formaction="/sign-out">Sign out</button></form>'
    )


async def sign_in(request: Request) -> Response:
    return await signet.authorize_redirect(request, f"{APP}/callback")


async def callback(request: Request) -> Response:
    # Authlib does not implement RFC 9207: check here that the answer comes from the issuer to which the request was sent.
    if request.query_params.get("iss") != ISSUER:
        raise OAuthError("invalid_request", "the answer comes from another issuer")
    tokens = await signet.authorize_access_token(request, claims_options=CLAIMS)
    claims = await user_info(tokens, tokens["userinfo"]["sub"])
    people.pop(request.session.get("id"), None)
    request.session["id"] = secrets.token_urlsafe()
    people[request.session["id"]] = {"tokens": tokens, "claims": claims, "sid": tokens["userinfo"].get("sid")}
    return see_other("/")


async def user_info(tokens: dict, sub: str) -> dict:
    claims = await signet.userinfo(token=tokens)
    if claims["sub"] != sub:
        raise OAuthError("invalid_response", "the UserInfo answer is about another user")
    return claims


async def refresh(request: Request) -> Response:
    person = people.get(request.session.get("id", ""))
    if person is not None:
        sub, old = person["claims"]["sub"], person["tokens"]
        try:
            tokens = await signet.fetch_access_token(grant_type="refresh_token", refresh_token=old["refresh_token"])
        except OAuthError as error:
            # The refresh token is no longer valid, because the issuer has ended the session. So end it here too.
            if error.error == "invalid_grant":
                del people[request.session.pop("id")]
            raise
        # The ID token of a refresh has no nonce.
        renewed = await signet.parse_id_token(tokens, nonce=None, claims_options=CLAIMS)
        if renewed["sub"] != sub:
            raise OAuthError("invalid_response", "the ID token is about another user")
        person |= {"tokens": old | tokens, "claims": await user_info(tokens, sub)}
    return see_other("/")


async def sign_out(request: Request) -> Response:
    """Signs the user out of this app, and sends the browser to the issuer so that the user signs out there too."""
    person = people.pop(request.session.get("id", ""), None)
    request.session.clear()
    if person is None:
        return see_other("/")
    return await signet.logout_redirect(request, f"{APP}/signed-out", person["tokens"]["id_token"])


async def signed_out(request: Request) -> Response:
    await signet.validate_logout_response(request)
    return see_other("/")


async def backchannel_logout(request: Request) -> Response:
    """Ends the sessions of this app that belong to the session which has ended at the issuer. The issuer calls this, not the browser."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 65536:
            return Response(status_code=413)
    [token, *_] = parse_qs(body.decode(errors="replace")).get("logout_token", [""])
    try:
        sid = await backchannel.ended_session(token, signet, ISSUER, CLIENT_ID)
    except backchannel.NOT_VALID:
        return Response(status_code=400, headers={"Cache-Control": "no-store"})
    # A session that has ended before is no error, because the issuer tells twice if an answer is lost.
    for id in [id for id, person in people.items() if person["sid"] == sid]:
        del people[id]
    return Response(headers={"Cache-Control": "no-store"})


async def failed(_: Request, error: Exception) -> Response:
    """Shows the error code of the issuer, such as access_denied."""
    code = escape(getattr(error, "error", None) or type(error).__name__)
    return page(f'<p>It did not work: <strong id="error">{code}</strong></p><p><a href="/sign-in">Sign in</a></p>', 400)


app = Starlette(
    routes=[
        Route("/", home),
        Route("/sign-in", sign_in),
        Route("/callback", callback),
        Route("/refresh", refresh, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/signed-out", signed_out),
        Route("/backchannel-logout", backchannel_logout, methods=["POST"]),
    ],
    middleware=[
        Middleware(
            SessionMiddleware,
            secret_key=os.environ.get("SESSION_SECRET") or secrets.token_urlsafe(),
            session_cookie="shop_python_session",
            same_site="lax",
            https_only=APP.startswith("https:"),
        )
    ],
    exception_handlers={AuthlibBaseError: failed, JoseError: failed, httpx2.HTTPError: failed},
)
