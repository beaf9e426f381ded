"""Hostile bodies on every route that takes one are rejected quickly, without quoting them."""

import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx2
import pytest

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, assert_rejected
from integration.harness.routes import WITH_JSON, Route, name_of
from integration.security.expectations import BODIES
from integration.security.hostile_bodies import (
    MASS_ASSIGNMENT,
    SENT_PASSWORD,
    not_json,
    too_long,
    wrong_shapes,
)
from integration.security.test_matrix import directory

pytestmark = pytest.mark.databases("sqlite")  # these rejections do not depend on the database

PATIENCE_SECONDS = 1.0
"""CPU time of one rejection, of service and client together. It blocks the event loop, and so all other
requests. CPU time, unlike the clock, does not depend on the load of the machine."""

UPSTREAM = "/api/v1/auth/upstream/{provider}"
OPTIONAL = {
    ("POST", "/api/v1/users", "password"),
    ("POST", "/api/v1/auth/register", "name"),
    ("POST", "/api/v1/auth/clients", "redirect_uris"),
    ("POST", f"{UPSTREAM}/register", "name"),
    ("POST", f"{UPSTREAM}/token", "email"),
    ("POST", f"{UPSTREAM}/link", "email"),
}
"""Without a password, the user is invited; without a name, it is the first word of the address. A machine has
no redirect URIs. An upstream's settings say whether it wants an address or a user name."""


class Sender:
    """Sends bodies to one route as an administrator and checks the responses."""

    def __init__(self, installation: Installation, people: People, route: Route, log: StringIO) -> None:
        self._installation = installation
        self._people = people
        self._route = route
        self._log = log
        good = dict(BODIES[route.method, route.path])
        self.good: dict[str, Any] = {**good, "password": SENT_PASSWORD} if "password" in good else good

    def send(
        self, content: bytes | Iterator[bytes], content_type: str | None = "application/json"
    ) -> httpx2.Response:
        headers = {} if content_type is None else {"Content-Type": content_type}
        started = time.process_time()
        response = self._installation.call(
            self._route.method,
            self._route.at(self._people.other.id),
            self._people.admin.access,
            content=content,
            headers=headers,
        )
        took = time.process_time() - started
        assert took < PATIENCE_SECONDS, f"answered after {took:.1f} s of computing"
        assert SENT_PASSWORD not in response.text
        assert SENT_PASSWORD not in self._log.getvalue()
        return response


@pytest.fixture(params=WITH_JSON, ids=name_of)
def sender(
    request: pytest.FixtureRequest, installation: Installation, people: People, rendered_log: StringIO
) -> Iterator[Sender]:
    before = directory(installation)
    yield Sender(installation, people, request.param, rendered_log)
    assert directory(installation) == before, "a rejected body changed something"
    assert '"level":"error"' not in rendered_log.getvalue()


def test_invalid_json_is_rejected(sender: Sender) -> None:
    for name, raw in not_json(sender.good):
        assert len(raw) < 65_536
        response = sender.send(raw)
        assert response.status_code == 400, f"{name}: {response.status_code} {response.text[:200]}"
        assert_problem(response, 400, "invalid_json")


def test_json_of_another_shape_is_rejected(sender: Sender) -> None:
    for name, value in wrong_shapes(sender.good):
        if name.startswith("without ") and is_optional(sender, name.removeprefix("without ")):
            continue
        null = name.removeprefix("None for ")
        if null != name and sender._route.method == "POST" and is_optional(sender, null):
            continue
        if value == {} and is_optional(sender, "everything"):
            continue
        response = sender.send(httpx2.Request("POST", "http://x", json=value).content)
        assert response.status_code == 422, f"{name}: {response.status_code} {response.text[:200]}"
        document = assert_problem(response, 422)
        # Members of a client must go together, too.
        assert document["code"] in {"validation_error", "invalid_client_metadata"}
        assert document["errors"]


def is_optional(sender: Sender, member: str) -> bool:
    """Whether a member may be left out: any of a PATCH of an account, and those that have a default."""
    route = sender._route
    has_default = (route.method, route.path, member) in OPTIONAL
    return has_default or (route.method == "PATCH" and route.has_id)


def test_unknown_members_are_rejected(sender: Sender) -> None:
    for member, value in MASS_ASSIGNMENT.items():
        raw = httpx2.Request("POST", "http://x", json={**sender.good, member: value}).content
        response = sender.send(raw)
        assert response.status_code == 422, f"{member[:20]}: {response.status_code}"
        assert_problem(response, 422, "validation_error")


def test_thousands_of_unknown_members_get_a_short_response(sender: Sender) -> None:
    many = {f"m{number}": 1 for number in range(5_000)}
    response = sender.send(httpx2.Request("POST", "http://x", json={**sender.good, **many}).content)
    assert_problem(response, 422, "validation_error")


def test_a_body_past_the_limit_is_rejected_with_or_without_content_length(sender: Sender) -> None:
    for raw in (too_long(), b'{"password":"' + b"x" * 1_000_000 + b'"}', b" " * 65_537):
        assert_problem(sender.send(raw), 413, "content_too_large")
        pieces = (raw[start : start + 8_192] for start in range(0, len(raw), 8_192))
        assert_problem(sender.send(pieces), 413, "content_too_large")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/jsonp",
        "application/json+x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=utf-8; charset=utf-16",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "application/octet-stream",
        "",
        "*/*",
        "json",
        "application/json, text/plain",
    ],
)
def test_other_content_types_are_rejected(sender: Sender, content_type: str) -> None:
    response = sender.send(httpx2.Request("POST", "http://x", json=sender.good).content, content_type)
    if sender._route.takes_forms and content_type.startswith("multipart/"):
        assert_problem(response, 400, "invalid_form")
    else:
        assert_problem(response, 415, "unsupported_media_type")


def test_a_body_without_a_content_type_is_rejected(sender: Sender) -> None:
    response = sender.send(httpx2.Request("POST", "http://x", json=sender.good).content, None)
    assert_problem(response, 415, "unsupported_media_type")


def test_an_empty_body_is_rejected(sender: Sender) -> None:
    for content_type in ("application/json", None):
        assert_rejected(sender.send(b"", content_type), 400, 422)
