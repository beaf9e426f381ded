"""An installation with OpenID Connect, registered clients, and browsers that are signed in at its pages."""

import base64
import functools
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import jwt
import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.client_secrets import hash_secret
from doorward_auth.oidc.authorization.page_steps import AuthorizationPageSteps
from doorward_client.keys.key_set import ES256, RS256
from doorward_identity.tables import group_members, oauth_client_secrets, oauth_clients, user_groups
from doorward_kit.key_rotation import new_jwk
from integration.harness.installation import AUTH, Installation, reconfigured
from integration.harness.people import Person
from integration.oidc.browser import sign_in

ORIGIN: Final = "https://id.example.com"
ISSUER: Final = f"{ORIGIN}{AUTH}"
REDIRECT: Final = "https://app.example.com/callback"
SECRET: Final = "the secret of a registered client: 0123456789"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
COOKIE: Final = "__Host-doorward_sso"

KEYS: Final = {"keys": [new_jwk(RS256), new_jwk(ES256)]}


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@contextmanager
def provider(installation: Installation, folder: Path, **overrides: Any) -> Iterator[Installation]:
    """Run replicas over the same database with OpenID Connect on."""
    path = folder / "oidc.json"
    path.write_text(json.dumps(KEYS))
    on = {"public_url": ORIGIN, "issuer": ISSUER, "oidc_jwks_file": path}
    with reconfigured(installation, **on, **overrides) as replica:
        yield replica


@contextmanager
def providers_on(
    installations: Callable[[str], Installation], folders: pytest.TempPathFactory
) -> Iterator[Callable[[str], Installation]]:
    """Start such replicas over the database of a backend when it is asked for; stop all in the end."""
    with ExitStack() as stack:

        @functools.cache
        def provider_on(backend: str) -> Installation:
            return stack.enter_context(provider(installations(backend), folders.mktemp("provider")))

        yield provider_on


def client_row(client_id: str, **changed: Any) -> dict[str, Any]:
    """Return the row of a confidential first-party client."""
    now = datetime.now(UTC)
    return {
        "id": uuid7s.uuid7(),
        "client_id": client_id,
        "name": client_id.title(),
        "kind": "confidential",
        "first_party": True,
        "scopes": "openid profile email groups offline_access",
        "audiences": "",
        "allowed_groups": "",
        "id_token_alg": "RS256",
        "id_token_claims": "full",
        "require_pkce": True,
        "redirect_uris": REDIRECT,
        "post_logout_redirect_uris": "",
        "origins": "",
        "backchannel_logout_uri": None,
        "managed_by": None,
        "token_version": 0,
        "version": 1,
        "disabled_at": None,
        "created_at": now,
        "updated_at": now,
        **changed,
    }


def register(installation: Installation, client_id: str = "app", **changed: Any) -> uuid.UUID:
    """Store a client; return the id of its row. One that is not public has SECRET."""
    row = client_row(client_id, **changed)
    installation.execute(oauth_clients.insert().values(row))
    if row["kind"] != "public":
        secret = {"id": uuid7s.uuid7(), "oauth_client_id": row["id"], "secret_hash": hash_secret(SECRET)}
        installation.execute(oauth_client_secrets.insert().values(created_at=row["created_at"], **secret))
    row_id: uuid.UUID = row["id"]
    return row_id


def join_group(installation: Installation, person: Person, *names: str) -> None:
    """Put a user into new groups."""
    for name in names:
        group_id = uuid7s.uuid7()
        group = {"id": group_id, "name": name, "created_at": datetime.now(UTC)}
        installation.execute(user_groups.insert().values(group))
        member = {"group_id": group_id, "user_id": uuid.UUID(person.id)}
        installation.execute(group_members.insert().values(member))


@dataclass
class Client:
    """A client and a browser that it sends to the provider."""

    installation: Installation
    client_id: str = "app"
    secret: str | None = SECRET
    token: BrowserSessionToken | None = None
    defaults: dict[str, str] = field(default_factory=dict)

    def sign_in(self, person: Person, **options: Any) -> BrowserSessionToken:
        """Sign in at the pages; the browser keeps the cookie."""
        opened = sign_in(self.installation, person, replaces=self.token, **options)
        self.token = opened.token
        return opened.token

    def parameters(self, **changed: str | None) -> dict[str, str]:
        """Return an authorization request; None leaves a parameter out."""
        given: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": "openid email",
            "state": "xyz",
            "nonce": "n-0S6",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **self.defaults,
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def browse(self, path: str, method: str = "GET", **options: Any) -> httpx2.Response:
        """Send a request of the browser, with its cookie; no redirect is followed."""
        headers = {"cookie": f"{COOKIE}={self.token}"} if self.token is not None else {}
        headers |= options.pop("headers", {})
        return self.installation.call(method, path, headers=headers, follow_redirects=False, **options)

    def authorize(self, **changed: str | None) -> httpx2.Response:
        """Send the authorization request as a GET."""
        return self.browse(f"{AUTH}/authorize?{urlencode(self.parameters(**changed))}")

    def code(self, **changed: str | None) -> str:
        """Return a code; fails the test if a page or an error comes instead."""
        answer = answer_of(self.authorize(**changed))
        assert "code" in answer, answer
        return answer["code"]

    def token_request(self, form: Mapping[str, str | None], **headers: str) -> httpx2.Response:
        """Send a form to the token endpoint, with the client's authentication in it."""
        authentication = {"client_id": self.client_id, "client_secret": self.secret}
        given = {name: value for name, value in {**authentication, **form}.items() if value is not None}
        return self.installation.call("POST", f"{AUTH}/token", data=given, headers=headers)

    def exchange(self, code: str, **changed: str | None) -> httpx2.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return self.token_request({**form, **changed})

    def tokens(self, **changed: str | None) -> dict[str, Any]:
        """Ask for a code and exchange it."""
        response = self.exchange(self.code(**changed))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def refresh(self, refresh_token: str, **changed: str | None) -> httpx2.Response:
        """Present a refresh token."""
        return self.token_request({"grant_type": "refresh_token", "refresh_token": refresh_token, **changed})

    def userinfo_status(self, access_token: str) -> int:
        """Ask for the user of an access token; return the status."""
        return self.installation.call("GET", f"{AUTH}/userinfo", access_token).status_code


def answer_of(response: httpx2.Response, uri: str = REDIRECT) -> dict[str, str]:
    """Read the parameters of a redirect to the client."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(f"{uri}?"), location
    return dict(parse_qsl(urlsplit(location).query, strict_parsing=True))


def step(client: Client, name: str, target: str) -> Any:
    """Call a step of the pages, as this browser."""
    steps: AuthorizationPageSteps = client.installation.auth_app.state.services.authorization_page_steps
    method: Callable[..., Awaitable[Any]] = getattr(steps, name)
    portal = client.installation.auth.portal
    assert portal is not None
    return portal.call(method, target, client.token)


def allow(client: Client, **request: str | None) -> None:
    """Allow what a request asks for, on the page of consent."""
    target = continuation_of(client.authorize(**request), "/auth/consent")
    assert "code" in answer_of(client.browse(step(client, "allow", target)))


def assert_page(response: httpx2.Response, status: int, text: str) -> None:
    """Check an error that the user sees on a page, and no client gets."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "location" not in response.headers
    assert text in response.text
    assert response.headers["x-request-id"] in response.text


def continuation_of(response: httpx2.Response, page: str) -> str:
    """Read where a page that a redirect leads to sends the browser back to."""
    assert response.status_code == 303, response.text
    parts = urlsplit(response.headers["location"])
    assert parts.path == page
    [(name, target)] = parse_qsl(parts.query, strict_parsing=True)
    assert name == "continue"
    assert target.startswith(f"{AUTH}/authorize?")
    return target


def claims_of(installation: Installation, token: str, audience: str) -> dict[str, Any]:
    """Verify a token with the published keys, by a library that shares no code with the signer."""
    published = installation.call("GET", f"{AUTH}/jwks.json").json()
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[RS256, ES256], audience=audience, issuer=ISSUER
    )
    return claims


def live_sessions(installation: Installation, client: uuid.UUID) -> int:
    """Count the live sessions of a client."""
    query = sa.text("SELECT COUNT(*) FROM sessions WHERE oauth_client_id = :id AND ended_at IS NULL")
    with installation.engine.connect() as connection:
        return int(connection.execute(query, {"id": client.bytes}).scalar_one())
