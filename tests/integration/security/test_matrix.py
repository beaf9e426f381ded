"""Role x route x ownership, generated from the OpenAPI documents: a new route needs a row."""

import base64
import json
import uuid
from typing import Any

import httpx2
import pytest

from doorward_client.permissions import Role, permissions_of
from integration.harness.installation import Installation
from integration.harness.people import People, Person, disable, enrol
from integration.harness.problems import assert_problem
from integration.harness.routes import ROUTES, Route, name_of
from integration.harness.tickets import store_ticket, stored
from integration.security.expectations import BODIES, EXPECTED, OWNERSHIPS, ROLES, body_of, expected

pytestmark = pytest.mark.databases("sqlite")  # authorization is decided before any statement

CELLS = [
    (route, role, ownership)
    for route in ROUTES
    for role in ROLES
    for ownership in (OWNERSHIPS if route.has_id else ("none",))
]
CODES = {
    400: {"invalid_code"},
    409: {"already_joined", "own_email", "own_password"},
    422: {"validation_error"},
    401: {"not_authenticated", "invalid_token", "invalid_client"},
    403: {"insufficient_permission"},
    404: {
        "user_not_found",
        "avatar_not_found",
        "session_not_found",
        "ticket_not_found",
        "dead_letter_not_found",
        "client_not_found",
        "consent_not_found",
        "group_not_found",
        "oidc_not_configured",
        "upstream_not_found",
        "upstream_not_linked",
    },
}


def actor(installation: Installation, people: People, role: str) -> tuple[Person, str | None]:
    """Return the caller and the token."""
    if role == "admin":
        return people.admin, people.admin.access
    if role == "auditor":
        auditor = enrol(installation, people.admin, role=role)
        return auditor, auditor.access
    if role == "disabled":
        gone = enrol(installation, people.admin)
        disable(installation, people.admin, gone)
        return gone, gone.access
    tokens = {"anonymous": None, "garbage": "garbage", "user": people.user.access}
    return people.user, tokens[role]


def session_of(person: Person) -> str:
    """Read the session's id from the access token, as its owner can."""
    payload = person.access.split(".")[1]
    session_id: str = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sid"]
    return session_id


def target(
    installation: Installation, people: People, route: Route, person: Person, ownership: str
) -> object:
    """Return the id that the request is about."""
    whose = {"own": person, "other": people.other}.get(ownership)
    if whose is None:
        return uuid.uuid4()
    if "{session_id}" in route.path:
        return session_of(whose)
    if "{ticket_id}" in route.path:
        return store_ticket(installation, whose.id)
    return whose.id


def send(
    installation: Installation, people: People, route: Route, token: str | None, identity: object
) -> httpx2.Response:
    """Send the request of a cell of the matrix."""
    options = body_of(route)
    if "refresh_token" in options.get("json", {}):
        options["json"] = {**options["json"], "refresh_token": people.other.refresh}
    return installation.call(route.method, route.at(identity), token, **options)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {(route.method, route.path) for route in ROUTES} == EXPECTED.keys()
    assert {(route.method, route.path) for route in ROUTES if route.takes_json} == BODIES.keys()


def test_a_route_is_documented_as_protected_if_and_only_if_it_rejects_anonymous_requests() -> None:
    for route in ROUTES:
        assert bool(route.schemes) == (EXPECTED[route.method, route.path]["anonymous"] == 401), route.name


def test_openapi_names_the_permission_that_a_route_requires() -> None:
    for route in ROUTES:
        rejected = {role for role in Role if EXPECTED[route.method, route.path][role] == 403}
        without = {role for role in Role if not permissions_of(role).issuperset(route.permissions)}
        assert rejected == without, route.name


@pytest.mark.parametrize(("route", "role", "ownership"), CELLS, ids=name_of)
def test_each_role_gets_the_expected_status(
    installation: Installation, people: People, route: Route, role: str, ownership: str
) -> None:
    person, token = actor(installation, people, role)
    identity = target(installation, people, route, person, ownership)
    before = directory(installation), stored(installation)
    response = send(installation, people, route, token, identity)
    status = expected(route.method, route.path, role, ownership)
    assert response.status_code == status, response.text
    if status >= 400:
        code = assert_problem(response, status)["code"]
        assert code in CODES[status]
        assert (status, code) in route.errors, "the error is not documented"
        assert (directory(installation), stored(installation)) == before, (
            "a rejected request changed something"
        )
    if status == 401:
        scheme = "Basic" if route.schemes == ("client",) else "Bearer"
        assert response.headers["www-authenticate"].startswith(scheme)


def test_undocumented_routes_are_rejected(installation: Installation, people: People) -> None:
    """Undocumented methods and paths are rejected for every caller; test_methods.py has HEAD and OPTIONS."""
    described = {(route.method, route.path) for route in ROUTES}
    places = {route.path for route in ROUTES} | {"/api/v1/auth", "/api/v1/users/", "/api/v1/usersX", "/"}
    places |= {"/docs", "/openapi.json", "/redoc", "/api/v1/users//me", "/api/v1/users/me/", "/internal"}
    for path in sorted(places):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            if (method, path) in described or (method, path) == ("DELETE", "/api/v1/users/me"):
                continue
            where = path.replace("{user_id}", people.other.id)
            response = installation.call(method, where, people.admin.access)
            assert response.status_code in {404, 405}, f"{method} {where}: {response.status_code}"
            if response.status_code == 405:
                assert response.headers["allow"]


def directory(installation: Installation) -> list[tuple[Any, ...]]:
    """All stored data of users that a request could change."""
    return installation.execute(
        "SELECT users.id, email, name, role, status, version, password_hash"
        " FROM users JOIN credentials ON user_id = users.id ORDER BY users.id"
    )
