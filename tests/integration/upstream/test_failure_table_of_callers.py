"""The column "register / login" of the failure table over HTTP: the answer, the log and the database."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal
from structlog.testing import capture_logs

from doorward_auth.upstream.grants.gate import ProviderGate
from doorward_identity.tables import upstream_registrations
from integration.harness.installation import Installation
from integration.harness.problems import assert_problem
from integration.upstream.installation import SECRET, UPSTREAM, installed_with, stored
from support.example_upstream import FOLDER
from support.images import png
from support.ports import free_port
from support.scripted_upstream import Reply, ScriptedUpstream, answer, scripted_upstream

pytestmark = pytest.mark.databases("sqlite")

PAGE: Final = "<html><title>AttributeError at /api/register</title>'NoneType' has no attribute 'save'</html>"
HEADERS: Final = {"X-Request-Id": "theirs-1"}
TOKENS: Final = {"access": "access-1", "refresh": "refresh-1", "user": {"id": 7, "username": "ada"}}
TAKEN: Final = [
    {"status": 409, "member": "email"},
    {"status": 422, "pointer": "/errors/name", "member": "name"},
]


@dataclass(frozen=True)
class Callers:
    """An installation, its upstream, and what both have noted."""

    api: Installation
    upstream: ScriptedUpstream

    def register(self) -> httpx2.Response:
        """Register with a picture and a key."""
        fields = {"email": "ada@example.com", "password": SECRET, "name": "Ada"}
        files = {
            **{name: (None, text) for name, text in fields.items()},
            "image": ("me.png", png(), "image/png"),
        }
        return self.api.call(
            "POST", f"{UPSTREAM}/theapi/register", files=files, headers={"Idempotency-Key": "one"}
        )

    def log_in(self) -> httpx2.Response:
        body = {"email": "ada@example.com", "password": SECRET}
        return self.api.call("POST", f"{UPSTREAM}/theapi/token", json=body)

    def send(self, operation: str) -> httpx2.Response:
        return self.register() if operation == "register" else self.log_in()

    def states(self) -> list[str]:
        """Return the states of registrations with a key."""
        return [state for (state,) in self.api.execute(sa.select(upstream_registrations.c.state))]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(scripted_upstream()) as upstream,
    ):
        settings = document["theapi"] | {"base_url": upstream.url, "timeout_seconds": 30}
        settings["answer"]["expires_in"] = "/expires_in"
        settings["errors"] = {"taken": TAKEN}
        with installed_with(tmp_path_factory.mktemp("callers"), {"theapi": settings}) as api:
            yield Callers(api, upstream)


@pytest.fixture
def callers(running: Callers) -> Iterator[Callers]:
    running.api.wipe()
    running.upstream.received.clear()
    yield running
    gate_of(running).record_answer()


def gate_of(callers: Callers) -> ProviderGate:
    gates: dict[str, ProviderGate] = callers.api.auth_app.state.services.upstream.redirects._requests._gates
    return gates["theapi"]


def failures(lines: list[Any]) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["event"] == "upstream.failed"]


@dataclass(frozen=True)
class Row:
    """The upstream's answer, the answer to the caller, and the state of a registration with a key."""

    reply: Reply
    status: int
    code: str
    error: str
    state: str | None = None
    retry_after: str | None = None


def malformed_answer(body: object) -> Row:
    reply = answer(200, body, HEADERS)
    return Row(reply, 502, "upstream_nonsense", "MalformedAnswerError", "unknown")


def misconfigured(status: int, body: object) -> Row:
    return Row(answer(status, body, HEADERS), 502, "upstream_misconfigured", "MisconfiguredError")


def throttled(wait: Mapping[str, str], retry_after: str) -> Row:
    reply = answer(429, "slower", {**HEADERS, **wait})
    return Row(reply, 503, "upstream_unavailable", "ThrottledError", retry_after=retry_after)


ROWS: Final = {
    "500 with a page": Row(answer(500, PAGE, HEADERS), 502, "upstream_failed", "FailedError", "unknown"),
    "200 with a page": malformed_answer(PAGE),
    "200 without a body": malformed_answer(""),
    "no access token": malformed_answer({**TOKENS, "access": None}),
    "no subject": malformed_answer({**TOKENS, "user": {}}),
    "a lifetime of text": malformed_answer({**TOKENS, "expires_in": "soon"}),
    "a negative lifetime": malformed_answer({**TOKENS, "expires_in": -5}),
    "an endless lifetime": malformed_answer(
        json.dumps({**TOKENS, "expires_in": 0}).replace(": 0", ": 1e999")
    ),
    "our client is unknown": misconfigured(401, {"error": "invalid_client"}),
    "we are forbidden": misconfigured(403, PAGE),
    "values that its rules forbid": Row(
        answer(422, PAGE, HEADERS), 409, "upstream_refused", "ValuesRejectedError"
    ),
    "429 for an hour": throttled({"Retry-After": "3600"}, "60"),
    "429 without a time": throttled({}, "1"),
}


@pytest.mark.parametrize("operation", ["register", "login"])
@pytest.mark.parametrize("name", ROWS)
def test_a_row(callers: Callers, name: str, operation: str) -> None:
    row = ROWS[name]
    callers.upstream.otherwise = row.reply
    with capture_logs() as lines:
        response = callers.send(operation)
    problem = assert_problem(response, row.status, row.code)
    assert "errors" not in problem
    assert not any(word in response.text for word in ("AttributeError", "save", "slower", "soon"))
    assert response.headers.get("retry-after") == row.retry_after
    [failed] = failures(lines)
    assert (failed["provider"], failed["operation"], failed["error"]) == ("theapi", operation, row.error)
    assert (failed["status"], failed["upstream_request_id"]) == (
        int(row.reply.raw.split()[1]),
        "theirs-1",
    )
    assert len(callers.upstream.received) == 1
    assert stored(callers.api) == {}
    assert callers.states() == ([row.state] if row.state and operation == "register" else [])


@pytest.mark.parametrize(
    ("reply", "pointer"),
    [
        (answer(409, {"detail": "taken"}), "/email"),
        (answer(422, {"errors": {"name": ["taken"]}}), "/name"),
    ],
    ids=["409", "422"],
)
def test_a_value_that_is_taken_is_named_and_its_picture_is_not_stored(
    callers: Callers, reply: Reply, pointer: str
) -> None:
    callers.upstream.otherwise = reply
    problem = assert_problem(callers.register(), 409, "upstream_refused")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, "taken")]
    assert b"image/webp" in callers.upstream.received[0].body, "the picture was sent"
    assert (stored(callers.api), callers.states()) == ({}, [])


@pytest.mark.parametrize("operation", ["register", "login"])
def test_an_upstream_that_is_down_is_not_asked_by_the_next_caller(
    callers: Callers, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = callers.api.auth_app.state.services.upstream.stored.providers.all()[0].adapter
    down = adapter._settings.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"})
    monkeypatch.setattr(adapter, "_settings", down)
    noted = []
    for _ in range(2):
        with capture_logs() as lines:
            response = callers.send(operation)
        assert_problem(response, 503, "upstream_unavailable")
        assert response.headers["retry-after"] == "5"
        noted.append([line["event"] for line in lines if line["event"].startswith("upstream.")])
        gate_of(callers)._breaker._resume_at += 600  # the pause is over on a slow machine otherwise
    assert noted == [["upstream.failed"], ["upstream.not_asked"]]
    assert (stored(callers.api), callers.states()) == ({}, [])
