"""Two installations as two processes: the first is an OpenID provider, and an upstream of the second.

They have the settings that docs/upstream.md shows, at addresses of this machine. Their host names differ,
because browsers send the cookies of a host to each of its ports.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx2
import sqlalchemy as sa

from doorward_kit.database import create_engine
from integration.harness.installation import AUTH
from integration.pages.browsing import Page, read
from integration.upstream.installation import UPSTREAM
from support.administrator import Administrator, User, administrator_of
from support.documentation import at, documented_block, documented_line
from support.ports import free_port
from support.services import Admin
from support.standalone import Standalone

NAME: Final = "company"
"""The upstream as the page shows it."""
BROWSER: Final = "browser"
"""The same without `offline_access`."""
MISTAKEN: Final = "mistaken"
"""The same with a scope that the client does not have at the first installation."""
CLIENT_URL: Final = "https://app.example.com/callback"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ADMIN: Final = Admin()

_MOST_HOPS: Final = 20
_PAGE: Final = "upstream.md"
_START: Final = '{\n  "company":'
_SECRET_FILE: Final = "/etc/doorward/company-secret"


@dataclass
class Browser:
    """A user's browser without JavaScript; it stops where an application begins."""

    origins: Sequence[str]
    client: httpx2.Client
    visited: list[httpx2.URL] = field(default_factory=list)

    def open(self, url: str) -> Page:
        """Go to an address, and follow redirects and pages that lead on, within the two installations."""
        return self._follow(self._send("GET", url))

    def send(self, page: Page, action: str, **fields: str) -> Page:
        """Fill in a form of a page and send it."""
        data = {**page.form(action).fields, **fields}
        url = urljoin(str(page.response.url), action)
        return self._follow(self._send("POST", url, data=data))

    def log_in(self, page: Page, user: User) -> Page:
        """Fill in the login page."""
        return self.send(page, "/auth/login", email=user.email, password=user.password)

    @property
    def address(self) -> httpx2.URL:
        """Return the last address, which may be an application's."""
        return self.visited[-1]

    def _send(self, method: str, url: str, **options: Any) -> Page:
        self.visited.append(httpx2.URL(url))
        return read(self.client.request(method, url, follow_redirects=False, **options))

    def _follow(self, page: Page) -> Page:
        for _ in range(_MOST_HOPS):
            target = page.response.headers.get("location") or (page.refresh or "").removeprefix("0; url=")
            if not target:
                return page
            url = urljoin(str(page.response.url), target)
            if not url.startswith(tuple(f"{origin}/" for origin in self.origins)):
                self.visited.append(httpx2.URL(url))
                return page
            page = self._send("GET", url)
        raise AssertionError(f"it goes in circles: {self.visited}")


@dataclass(frozen=True)
class Tokens:
    """A session at the second installation."""

    access: str
    refresh: str


class TwoDoorwards:
    """Both installations, and an application of the second one's."""

    def __init__(self, first: Standalone, second: Standalone, administrator: Administrator) -> None:
        self.first = first
        self.second = second
        self.administrator = administrator
        self.api = httpx2.Client(timeout=60)

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request to the second installation."""
        return self._call(self.second, method, path, token, **options)

    def call_first(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request to the first installation."""
        return self._call(self.first, method, path, token, **options)

    def begin(self, name: str = NAME) -> str:
        """Begin a login at the second installation; return the address of the first one to open."""
        body = {"redirect_uri": CLIENT_URL, "code_challenge": CHALLENGE, "state": "mine"}
        begun = self.call("POST", f"{UPSTREAM}/{name}/authorization", json=body)
        assert begun.status_code == 201, begun.text
        return str(begun.json()["authorization_url"])

    @contextmanager
    def browser(self) -> Iterator[Browser]:
        """Give a browser without cookies."""
        with httpx2.Client(timeout=60, headers={"accept-language": "en"}) as client:
            yield Browser((self.first.url, self.second.url), client)

    def log_in(self, user: User, browser: Browser, name: str = NAME) -> Tokens:
        """Sign in at the first installation's pages, and get tokens of the second."""
        page = browser.log_in(browser.open(self.begin(name)), user)
        if page.forms:
            browser.send(page, "/auth/consent", decision="allow")
        assert str(browser.address).startswith(f"{CLIENT_URL}?"), browser.visited
        assert browser.address.params["state"] == "mine"
        body = {"code": browser.address.params["code"], "code_verifier": VERIFIER}
        pair = self.call("POST", f"{UPSTREAM}/{name}/token", json=body)
        assert pair.status_code == 200, pair.text
        return Tokens(pair.json()["access_token"], pair.json()["refresh_token"])

    def upstream_token(self, access: str, name: str = NAME) -> httpx2.Response:
        """Ask the second installation for a token of the first."""
        return self.call("GET", f"{UPSTREAM}/{name}/token", access)

    def is_accepted(self, upstream_token: str) -> bool:
        """Tell whether the first installation accepts a token."""
        return self.call_first("GET", f"{AUTH}/userinfo", upstream_token).status_code == 200

    def expire_upstream_tokens(self) -> None:
        """Let the access tokens that the second installation keeps expire."""
        self.execute("UPDATE upstream_grants SET access_expires_at = '2020-01-01 00:00:00.000000'")

    def execute(self, statement: str, server: Standalone | None = None) -> list[tuple[Any, ...]]:
        """Run a statement in the database of the second installation, or of a given one."""
        database = (server or self.second).data / "doorward.db"
        engine = create_engine(f"sqlite:///{database}", pool_size=1, timeout=30)
        try:
            with engine.connect() as connection:
                result = connection.execute(sa.text(statement))
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()

    def _call(
        self, server: Standalone, method: str, path: str, token: str | None, **options: Any
    ) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.api.request(method, server.url + path, headers=headers, **options)


@contextmanager
def two_doorwards(folder: Path, **changes: Any) -> Iterator[TwoDoorwards]:
    """Start both; the second one's settings of its upstream are changed by `changes`."""
    admin = {"DOORWARD_ADMIN_EMAIL": ADMIN.email, "DOORWARD_ADMIN_PASSWORD": ADMIN.password}
    folders = {name: folder / name for name in ("first", "second")}
    for one in folders.values():
        one.mkdir()
    port = free_port()
    # A port of the second's own, whose address the first one's client has.
    addresses = {"https://api.example.com": f"http://localhost:{port}"}
    with Standalone(folders["first"], None, **admin) as first:
        command = at(documented_line(_PAGE, "doorward client add team"), addresses)
        for name in (BROWSER, MISTAKEN):
            command += f" --redirect http://localhost:{port}{UPSTREAM}/{name}/callback"
        secret = first.register(command)
        file = folder / "secret"
        file.write_text(secret, encoding="utf-8")
        here = {"https://id.example.com": first.url, _SECRET_FILE: str(file)}
        settings: Mapping[str, Any] = json.loads(at(documented_block(_PAGE, _START), here))
        upstream = {**settings[NAME], "timeout_seconds": 30, **changes}
        scopes = [scope for scope in upstream["scopes"] if scope != "offline_access"]
        upstreams = {
            NAME: upstream,
            BROWSER: {**upstream, "scopes": scopes},
            MISTAKEN: {**upstream, "scopes": [*scopes, "unknown"]},
        }
        env = {
            "DOORWARD_UPSTREAMS": json.dumps(upstreams),
            "DOORWARD_PUBLIC_URL": f"http://localhost:{port}",
            "DOORWARD_LOG_LEVEL": "info",
            **admin,
        }
        with (
            Standalone(folders["second"], port, **env) as second,
            administrator_of(first.url, ADMIN) as administrator,
        ):
            second.url = f"http://localhost:{port}"
            installations = TwoDoorwards(first, second, administrator)
            yield installations
            installations.api.close()
