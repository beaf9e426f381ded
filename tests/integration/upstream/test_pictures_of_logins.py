"""Pictures of users who log in with each kind of upstream, from the login to the picture in the directory."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal
from structlog.testing import capture_logs

from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_identity.tables import users
from integration.harness.installation import USERS, Installation
from integration.harness.people import bootstrap, sign_in
from integration.harness.revocation_reads import HANG_SECONDS
from integration.upstream.installation import UPSTREAM, installed_with
from integration.upstream.redirect_client import CHALLENGE, CLIENT_URL, PUBLIC_URL, VERIFIER, query_of
from support.example_upstream import FOLDER
from support.images import png
from support.openid_provider import CLIENT_ID, OpenIdProvider, openid_provider
from support.scripted_upstream import Received, Reply, ScriptedUpstream, Then, answer, scripted_upstream

pytestmark = pytest.mark.databases("sqlite")

OWN: Final = f"{USERS}/me/avatar"
ADAPTERS: Final = ("rest", "oidc", "oauth2")
_SUBJECTS: Final = itertools.count(1)


class Upstreams:
    """An upstream of each kind, whose only user is the test's, and the host of the pictures."""

    def __init__(
        self,
        api: Installation,
        identities: ScriptedUpstream,
        provider: OpenIdProvider,
        host: ScriptedUpstream,
    ) -> None:
        self.api = api
        self.identities = identities
        self.host = host
        self.subject = ""
        self.picture: str | None = None
        self._provider = provider
        identities.otherwise = self._serve

    def begin(self) -> None:
        """Begin with a user whom nothing here knows, and a picture."""
        self.subject = f"subject-{next(_SUBJECTS)}"
        self.picture = f"{self.host.url}/{self.subject}.png"
        self.host.otherwise = answer(200, png(40, 40), {"Content-Type": "image/png"})
        self.host.received.clear()

    def log_in(self, name: str) -> str:
        """Log in at an upstream; return the access token."""
        if name in {"rest", "silent"}:
            body = {"email": f"{self.subject}@example.com", "password": "a password"}
            response = self.api.call("POST", f"{UPSTREAM}/{name}/token", json=body)
        else:
            body = {"code": self.code(name), "code_verifier": VERIFIER}
            response = self.api.call("POST", f"{UPSTREAM}/{name}/token", json=body)
        assert response.status_code == 200, response.text
        token: str = response.json()["access_token"]
        return token

    def code(self, name: str) -> str:
        """Log in at an upstream's own pages; return the one-time code."""
        body = {"redirect_uri": CLIENT_URL, "code_challenge": CHALLENGE, "state": "mine"}
        begun = self.api.call("POST", f"{UPSTREAM}/{name}/authorization", json=body).json()
        url = httpx2.URL(begun["authorization_url"])
        self._provider.nonce = url.params.get("nonce", "")
        self._provider.claims = {"sub": self.subject, "picture": self.picture or ..., "email": ...}
        returned = {"state": url.params["state"], "code": "upstream-code"}
        callback = f"{UPSTREAM}/{name}/callback"
        return query_of(self.api.call("GET", callback, params=returned, follow_redirects=False))["code"]

    def count(self, outcome: PictureOutcome, name: str) -> float:
        registry = self.api.auth_app.state.resources.metrics.registry
        labels = {"provider": name, "outcome": outcome.value}
        return float(registry.get_sample_value("doorward_upstream_pictures_total", labels) or 0)

    def ends_with(self, outcome: PictureOutcome, name: str, act: Callable[[], str]) -> str:
        """Do what brings one picture, and wait for its outcome; return the access token."""
        before = self.count(outcome, name)
        token = act()
        self.until(outcome, name, before + 1)
        return token

    def until(self, outcome: PictureOutcome, name: str, count: float) -> None:
        began = looked = time.monotonic()
        while self.count(outcome, name) < count:
            assert looked - began < HANG_SECONDS, f"no picture is {outcome.value}"
            time.sleep(0.02)
            looked = time.monotonic()

    def log_in_until(self, outcome: PictureOutcome, name: str = "rest") -> str:
        """Log in, and wait for what becomes of the picture; return the access token."""
        return self.ends_with(outcome, name, lambda: self.log_in(name))

    def picture_of(self, token: str) -> bytes | None:
        """Return the picture of a user, as the users service serves it."""
        path = self.api.call("GET", f"{USERS}/me", token).json()["picture"]
        if path is None:
            return None
        response = self.api.call("GET", path, token)
        assert (response.status_code, response.headers["content-type"]) == (200, "image/webp")
        return response.content

    def set_picture(self, token: str) -> None:
        response = self.api.call("PUT", OWN, token, {"Content-Type": "image/png"}, content=png(90, 90))
        assert response.status_code == 200, response.text

    def _serve(self, request: Received) -> Reply:
        user = {"id": self.subject, "username": self.subject, "image": self.picture}
        tokens = {"access": "access-1", "refresh": "refresh-1", "expires_in": 60, "user": user}
        oauth_tokens = {"access_token": "access-1", "token_type": "bearer"}
        return answer(200, {"/git/token": oauth_tokens, "/git/user": user}.get(request.target, tokens))


def settings_of(identities: str, issuer: str, picture_host: str) -> dict[str, Any]:
    """Return the settings of an upstream of each kind, and of one whose pictures are not fetched."""
    example = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))["theapi"]
    silent = {
        **example,
        "base_url": identities,
        "answer": {**example["answer"], "picture": "/user/image"},
        "timeout_seconds": 30,
    }
    public = {"client_id": CLIENT_ID, "token_auth_method": "none", "redirect_uris": [CLIENT_URL]}
    hosts = {"picture_hosts": [picture_host], "timeout_seconds": 30}
    return {
        "silent": silent,
        "rest": {**silent, **hosts},
        "oidc": {"adapter": "oidc", "issuer": issuer, **public, **hosts},
        "oauth2": {
            "adapter": "oauth2",
            "authorization_endpoint": f"{identities}/git/authorize",
            "token_endpoint": f"{identities}/git/token",
            "userinfo_endpoint": f"{identities}/git/user",
            "answer": {"subject": "/id", "username": "/username", "picture": "/image"},
            **public,
            **hosts,
        },
    }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstreams]:
    with ExitStack() as stack:
        # A loop of its own: a test blocks the host of the pictures, and nothing else.
        portals = [stack.enter_context(start_blocking_portal()) for _ in range(2)]
        wrap = [portal.wrap_async_context_manager for portal in portals]
        identities = stack.enter_context(wrap[0](scripted_upstream()))
        provider = stack.enter_context(wrap[0](openid_provider()))
        host = stack.enter_context(wrap[1](scripted_upstream()))
        settings = settings_of(identities.url, provider.issuer, f"127.0.0.1:{host.port}")
        folder = tmp_path_factory.mktemp("pictures")
        api = stack.enter_context(installed_with(folder, settings, public_url=PUBLIC_URL))
        yield Upstreams(api, identities, provider, host)


@pytest.fixture
def upstreams(running: Upstreams) -> Upstreams:
    running.api.wipe()
    running.begin()
    return running


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_picture_of_a_login_is_the_users_and_a_newer_one_replaces_it(
    upstreams: Upstreams, adapter: str
) -> None:
    first = upstreams.picture_of(upstreams.log_in_until(PictureOutcome.STORED, adapter))
    [request] = upstreams.host.received
    assert request.target == f"/{upstreams.subject}.png"
    assert not request.headers.keys() & {"authorization", "cookie", "referer"}
    upstreams.picture = f"{upstreams.host.url}/another.png"
    upstreams.host.otherwise = answer(200, png(60, 60))
    second = upstreams.picture_of(upstreams.log_in_until(PictureOutcome.STORED, adapter))
    assert first
    assert second not in {None, first}


def test_without_the_setting_nothing_is_fetched(upstreams: Upstreams) -> None:
    token = upstreams.log_in("silent")
    assert upstreams.picture_of(token) is None
    upstreams.log_in_until(PictureOutcome.STORED)
    assert len(upstreams.host.received) == 1, "that of the login after it"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/", "http://127.0.0.1:1/x", "https://other.example/x"]
)
def test_the_picture_of_another_host_is_not_fetched(upstreams: Upstreams, url: str) -> None:
    upstreams.picture = url
    with capture_logs() as lines:
        assert upstreams.picture_of(upstreams.log_in_until(PictureOutcome.NOT_ALLOWED)) is None
    [line] = [line for line in lines if line["event"] == "upstream.picture_host_rejected"]
    assert line == {
        "event": "upstream.picture_host_rejected",
        "log_level": "info",
        "provider": "rest",
        "host": httpx2.URL(url).host,
    }
    assert upstreams.host.received == []


def test_the_users_own_picture_stays(upstreams: Upstreams) -> None:
    token = upstreams.log_in_until(PictureOutcome.STORED)
    upstreams.set_picture(token)
    own = upstreams.picture_of(token)
    upstreams.picture = f"{upstreams.host.url}/another.png"
    assert upstreams.picture_of(upstreams.log_in_until(PictureOutcome.KEPT)) == own


def test_the_upstreams_picture_that_the_user_uploads_here_is_the_users_own(upstreams: Upstreams) -> None:
    token = upstreams.log_in_until(PictureOutcome.STORED)
    response = upstreams.api.call("PUT", OWN, token, {"Content-Type": "image/png"}, content=png(40, 40))
    assert response.status_code == 200
    upstreams.picture = f"{upstreams.host.url}/another.png"
    upstreams.log_in_until(PictureOutcome.KEPT)


def test_a_picture_that_the_user_has_deleted_does_not_come_back(upstreams: Upstreams) -> None:
    token = upstreams.log_in_until(PictureOutcome.STORED)
    assert upstreams.api.call("DELETE", OWN, token).status_code == 204
    upstreams.picture = f"{upstreams.host.url}/another.png"
    assert upstreams.picture_of(upstreams.log_in_until(PictureOutcome.KEPT)) is None


def test_a_user_who_deletes_none_gets_none_later(upstreams: Upstreams) -> None:
    upstreams.picture = None
    token = upstreams.log_in("rest")
    assert upstreams.api.call("DELETE", OWN, token).status_code == 204
    upstreams.picture = f"{upstreams.host.url}/another.png"
    assert upstreams.picture_of(upstreams.log_in_until(PictureOutcome.KEPT)) is None


def test_the_picture_of_a_registration_stays(upstreams: Upstreams) -> None:
    fields = {"email": f"{upstreams.subject}@example.com", "password": "a password", "name": "Ada"}
    parts = {name: (None, value) for name, value in fields.items()}
    files = {**parts, "image": ("me.png", png(90, 90), "image/png")}

    def register() -> str:
        response = upstreams.api.call("POST", f"{UPSTREAM}/rest/register", files=files)
        assert response.status_code == 201, response.text
        token: str = response.json()["access_token"]
        return token

    token = upstreams.ends_with(PictureOutcome.KEPT, "rest", register)
    assert upstreams.picture_of(token)
    assert upstreams.host.received == []
    assert upstreams.api.execute(sa.select(users.c.avatar_chosen)) == [(True,)]


def test_a_linked_upstream_brings_a_picture(upstreams: Upstreams) -> None:
    bootstrap(upstreams.api, "admin@example.com")
    admin = sign_in(upstreams.api, "admin@example.com")

    def link() -> str:
        body = {"code": upstreams.code("oidc"), "code_verifier": VERIFIER}
        assert upstreams.api.call("POST", f"{UPSTREAM}/oidc/link", admin.access, json=body).status_code == 204
        return admin.access

    assert upstreams.picture_of(upstreams.ends_with(PictureOutcome.STORED, "oidc", link))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_login_does_not_wait_for_the_picture_and_holds_no_transaction(
    upstreams: Upstreams, adapter: str
) -> None:
    """The picture comes after the login. A login that waited for it would outlast the request's deadline."""
    is_logged_in = threading.Event()

    def wait_for_the_login(_request: Received) -> Reply:
        is_logged_in.wait()
        return answer(200, png(40, 40))

    upstreams.host.will(wait_for_the_login)
    before = upstreams.count(PictureOutcome.STORED, adapter)
    try:
        token = upstreams.log_in(adapter)
        upstreams.log_in(adapter)
        changed = upstreams.api.call("PATCH", f"{USERS}/me", token, json={"name": "Countess"})
        assert changed.status_code == 200, changed.text
        assert upstreams.picture_of(token) is None
    finally:
        is_logged_in.set()
    upstreams.until(PictureOutcome.STORED, adapter, before + 1)
    assert upstreams.picture_of(token)


def test_a_host_that_never_answers_ends_no_login_and_no_process(
    upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The process ends with its request under way."""
    upstreams.host.otherwise = Reply(then=Then.HANG)
    settings = settings_of(upstreams.identities.url, "http://127.0.0.1:1", f"127.0.0.1:{upstreams.host.port}")
    with installed_with(tmp_path_factory.mktemp("stopped"), settings, public_url=PUBLIC_URL) as api:
        body = {"email": "ada@example.com", "password": "a password"}
        assert api.call("POST", f"{UPSTREAM}/rest/token", json=body).status_code == 200
        began = looked = time.monotonic()
        while not upstreams.host.received:
            assert looked - began < HANG_SECONDS
            time.sleep(0.02)
            looked = time.monotonic()
