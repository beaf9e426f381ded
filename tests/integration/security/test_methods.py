"""Every path answers HEAD and OPTIONS, and names all of its methods in `Allow` (RFC 9110)."""

import uuid
from collections import defaultdict

import pytest

from doorward_auth.main import CORS_ROUTES
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.routes import ROUTES

pytestmark = pytest.mark.databases("sqlite")  # methods are chosen before any statement

METHODS: dict[str, set[str]] = defaultdict(set)
for _route in ROUTES:
    METHODS[_route.path].add(_route.method)
for _path in ("/livez", "/readyz", "/metrics"):
    METHODS[_path].add("GET")

UNSAFE_GET = "/api/v1/auth/upstream/{provider}/callback"
UNSAFE_GETS = {UNSAFE_GET, f"{AUTH}/authorize", f"{AUTH}/end-session", f"{USERS}/export"}


def allowed(path: str) -> set[str]:
    head = {"HEAD"} if "GET" in METHODS[path] and path not in UNSAFE_GETS else set()
    return METHODS[path] | head | {"OPTIONS"}


def at(path: str, value: object) -> str:
    return "/".join(str(value) if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("path", METHODS)
def test_options_names_every_method_without_asking_who_calls(installation: Installation, path: str) -> None:
    response = installation.call("OPTIONS", at(path, uuid.uuid4()))
    assert (response.status_code, response.content) == (204, b"")
    assert set(response.headers["allow"].split(", ")) == allowed(path)
    # Every page may read public documents; here no other origin is allowed anything.
    allowed_origin = "*" if path in CORS_ROUTES.public else None
    assert response.headers.get("access-control-allow-origin") == allowed_origin


@pytest.mark.parametrize("path", METHODS)
def test_a_method_that_is_not_allowed_names_those_that_are(installation: Installation, path: str) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"} - allowed(path):
        response = installation.call(method, at(path, uuid.uuid4()))
        assert response.status_code == 405, f"{method} {path}: {response.status_code}"
        assert set(response.headers["allow"].split(", ")) == allowed(path)
        if method != "HEAD":
            assert_problem(response, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [USERS, f"{USERS}/me", f"{USERS}/$USER", f"{AUTH}/me", f"{AUTH}/verify", f"{AUTH}/jwks.json", "/readyz"],
)
def test_head_is_get_without_content(installation: Installation, people: People, path: str) -> None:
    path = path.replace("$USER", people.other.id)
    answers = [installation.call(method, path, people.admin.access) for method in ("GET", "HEAD")]
    got, head = (
        {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        for answer in answers
    )
    assert answers[0].status_code == answers[1].status_code
    assert head == got
    assert answers[1].content == b""


def test_head_needs_the_permission_that_get_needs(installation: Installation, people: People) -> None:
    where = f"{USERS}/{people.other.id}"
    assert installation.call("HEAD", where).status_code == 401
    assert installation.call("HEAD", f"{AUTH}/audit", people.user.access).status_code == 403


def test_head_does_not_use_up_the_state_of_a_login_at_an_upstream(installation: Installation) -> None:
    response = installation.call("HEAD", UNSAFE_GET.replace("{provider}", "theapi"))
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, OPTIONS"
