"""Every answer with a version of a resource has its ETag, as OpenAPI says."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2
import pytest

from integration.harness.installation import AUTH, CLIENT, TICKETS, USERS, Installation
from integration.harness.people import People
from integration.harness.tickets import TICKET, open_ticket
from support.images import png

pytestmark = pytest.mark.databases("sqlite")

Send = Callable[[Installation, People], tuple[httpx2.Response, str | None]]
"""Returns an answer, and the path whose representation its ETag is of."""

CLIENT_BODY: Final = {"client_id": "nightly", "name": "Nightly", "kind": "machine"}
REPLACEMENT: Final = {"email": "user@example.com", "name": "Replaced", "role": "user", "status": "active"}
REPLY: Final = {"body": "It still burns."}


def read(path: str, **options: Any) -> Send:
    return lambda api, people: (api.call("GET", path, people.admin.access, **options), path)


def read_by_client(path: str) -> Send:
    def send(api: Installation, _people: People) -> tuple[httpx2.Response, None]:
        api.sync_revocations()  # without a first list of revocations there is none to read
        return api.call("GET", path, auth=CLIENT), None

    return send


def of_user(method: str, body: dict[str, Any] | None = None) -> Send:
    def send(api: Installation, people: People) -> tuple[httpx2.Response, str]:
        return api.call(method, people.user.path, people.admin.access, json=body), people.user.path

    return send


def of_ticket(method: str, suffix: str = "", body: dict[str, Any] | None = None) -> Send:
    def send(api: Installation, people: People) -> tuple[httpx2.Response, str]:
        path = f"{TICKETS}/{open_ticket(api, people.admin)['id']}"
        at = f"{TICKETS}/close-ticket/{path.rpartition('/')[2]}" if suffix == "older" else path + suffix
        return api.call(method, at, people.admin.access, json=body), path

    return send


def of_client(method: str, body: dict[str, Any] | None = None) -> Send:
    def send(api: Installation, people: People) -> tuple[httpx2.Response, str]:
        created = api.call("POST", f"{AUTH}/clients", people.admin.access, json=CLIENT_BODY)
        path = created.headers["location"]
        if method == "POST":
            return created, path
        return api.call(method, path, people.admin.access, json=body), path

    return send


def creates(path: str, body: dict[str, Any]) -> Send:
    def send(api: Installation, people: People) -> tuple[httpx2.Response, str]:
        created = api.call("POST", path, people.admin.access, json=body)
        return created, created.headers["location"]

    return send


def reads_a_picture(path: str) -> Send:
    def send(api: Installation, people: People) -> tuple[httpx2.Response, str]:
        at = path.format(user_id=people.admin.id)
        stored = api.call(
            "PUT", at, people.admin.access, content=png(20, 20), headers={"Content-Type": "image/png"}
        )
        assert stored.is_success, stored.text
        assert "etag" not in stored.headers, "the stored bytes are others: RFC 9110 section 9.3.4"
        return api.call("GET", at, people.admin.access), at

    return send


CASES: Final[dict[str, Send]] = {
    "GET /api/v1/auth/revocations": read_by_client(f"{AUTH}/revocations"),
    "GET /api/v1/auth/deleted-users": read_by_client(f"{AUTH}/deleted-users"),
    "GET /api/v1/auth/jwks.json": read(f"{AUTH}/jwks.json"),
    "POST /api/v1/auth/clients": of_client("POST"),
    "GET /api/v1/auth/clients/{row_id}": of_client("GET"),
    "PATCH /api/v1/auth/clients/{row_id}": of_client("PATCH", {"name": "Daily"}),
    "GET /api/v1/users/me": read(f"{USERS}/me"),
    "PATCH /api/v1/users/me": lambda api, people: (
        api.call("PATCH", f"{USERS}/me", people.admin.access, json={"name": "Renamed"}),
        f"{USERS}/me",
    ),
    "GET /api/v1/users/me/avatar": reads_a_picture(f"{USERS}/me/avatar"),
    "GET /api/v1/users/{user_id}/avatar": reads_a_picture(USERS + "/{user_id}/avatar"),
    "POST /api/v1/users": creates(USERS, {"email": "new@example.com", "name": "New", "role": "user"}),
    "GET /api/v1/users/{user_id}": of_user("GET"),
    "PUT /api/v1/users/{user_id}": of_user("PUT", REPLACEMENT),
    "PATCH /api/v1/users/{user_id}": of_user("PATCH", {"name": "Changed"}),
    "POST /api/v1/tickets": creates(TICKETS, dict(TICKET)),
    "GET /api/v1/tickets/{ticket_id}": of_ticket("GET"),
    "PATCH /api/v1/tickets/{ticket_id}": of_ticket("PATCH", body={"priority": "high"}),
    "PUT /api/v1/tickets/{ticket_id}": of_ticket("PUT", body=REPLY),
    "POST /api/v1/tickets/{ticket_id}/replies": of_ticket("POST", "/replies", REPLY),
    "PATCH /api/v1/tickets/{ticket_id}/close": of_ticket("PATCH", "/close"),
    "PATCH /api/v1/tickets/close-ticket/{ticket_id}": of_ticket("PATCH", "older"),
}


def operations(api: Installation) -> Iterator[tuple[str, dict[str, Any]]]:
    for app in (api.auth_app, api.users_app, api.tickets_app):
        for path, of_path in app.openapi()["paths"].items():
            for method, operation in of_path.items():
                yield f"{method.upper()} {path}", operation


def documented(api: Installation) -> set[str]:
    """Return the operations whose successes have an ETag in OpenAPI."""
    return {
        name
        for name, operation in operations(api)
        for status, response in operation["responses"].items()
        if status.startswith("2") and "ETag" in response.get("headers", {})
    }


def conditional(api: Installation) -> set[str]:
    """Return the operations with a condition and a body in their success."""
    return {
        name
        for name, operation in operations(api)
        if "204" not in operation["responses"]
        and {"if-match", "if-none-match"}
        & {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    }


def version_of(response: httpx2.Response) -> str:
    """Return the ETag without the suffix of its rendering, which If-Match ignores."""
    return re.sub(r'-[0-9a-f]{8}"$', '"', response.headers["etag"])


def test_every_documented_operation_is_tested(installation: Installation) -> None:
    assert documented(installation) == CASES.keys()
    assert conditional(installation) <= CASES.keys()


@pytest.mark.parametrize("operation", CASES)
def test_the_answer_has_the_etag_of_the_resource(
    installation: Installation, people: People, operation: str
) -> None:
    response, resource = CASES[operation](installation, people)
    assert response.is_success, response.text
    assert re.fullmatch(r'"[!#-~]+"', response.headers["etag"])
    if resource is not None:
        current = installation.call("GET", resource, people.admin.access)
        assert version_of(response) == version_of(current)


@pytest.mark.parametrize("operation", [case for case in CASES if case.startswith("GET")])
def test_the_etag_makes_the_next_read_a_304(
    installation: Installation, people: People, operation: str
) -> None:
    response, _ = CASES[operation](installation, people)
    again = httpx2.Headers({**response.request.headers, "If-None-Match": response.headers["etag"]})
    path = response.request.url.raw_path.decode()
    unchanged = installation.call("GET", path, headers=dict(again))
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == response.headers["etag"]
