"""Failures of an upstream at a registration or login: a clear error, nothing stored, nothing sent twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.tables import upstream_registrations, users
from integration.harness.deployment import wait_until
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM, UpstreamSetup, installed, stored
from support.example_upstream import ExampleUpstream
from support.images import png

pytestmark = pytest.mark.databases("sqlite")

REGISTER, LOGIN = "/api/register", "/api/login"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpstreamSetup]:
    folder = tmp_path_factory.mktemp("failing-upstream")
    with ExampleUpstream(folder) as example, installed(folder, example, timeout_seconds=30.0) as setup:
        yield setup


@pytest.fixture
def setup(running: UpstreamSetup) -> Iterator[UpstreamSetup]:
    running.api.wipe()
    running.example.will("ok")
    yield running
    running.example.will("ok")
    running.api.auth_app.state.services.upstream.redirects._requests._gates["theapi"].record_answer()


def fresh_email(setup: UpstreamSetup) -> str:
    return f"bob{sum(setup.example.requests().values())}@example.com"


@dataclass(frozen=True)
class Failure:
    """A failure of the upstream, and the answer to its caller."""

    mode: str
    status: int
    code: str
    details: dict[str, Any] = field(default_factory=dict)
    timeout: float = 30.0


FAILURES = {
    "an HTML page with 500": Failure("html500", 502, "upstream_failed"),
    "half an answer": Failure("half", 504, "upstream_timeout"),
    "an answer that is too late": Failure("slow", 504, "upstream_timeout", {"seconds": 40}, timeout=0.5),
    "no answer": Failure("silent", 504, "upstream_timeout", timeout=0.5),
    "too many requests": Failure("throttled", 503, "upstream_unavailable", {"seconds": 7}),
}


@pytest.mark.parametrize("operation", ["register", "log_in"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_clear_error_and_nothing_is_stored(
    setup: UpstreamSetup, operation: str, name: str
) -> None:
    failure = FAILURES[name]
    email = fresh_email(setup)
    setup.example.will(failure.mode, times=1, **failure.details)
    send = {"register": lambda: setup.register(email, image=png()), "log_in": lambda: setup.log_in(email)}
    with setup.waiting_for(failure.timeout):
        response = send[operation]()
    problem = assert_problem(response, failure.status, failure.code)
    for word in ("AttributeError", "save", "traceback", "<html"):
        assert word not in response.text
    assert stored(setup.api) == {}
    assert (failure.mode == "throttled") == (response.headers.get("retry-after") == "7")
    assert problem["title"]


def test_an_upstream_that_is_away_is_unavailable_and_not_asked(setup: UpstreamSetup) -> None:
    adapter = setup.api.auth_app.state.services.upstream.stored.providers.all()[0].adapter
    there = adapter._settings
    try:
        adapter._settings = there.model_copy(update={"base_url": "http://127.0.0.1:1"})
        assert_problem(setup.register(fresh_email(setup)), 503, "upstream_unavailable")
    finally:
        adapter._settings = there
    assert stored(setup.api) == {}


def test_failures_that_one_caller_causes_block_no_other_caller(setup: UpstreamSetup) -> None:
    for mode in ("silent", "html500", "half"):
        setup.example.will(mode, times=1, path=REGISTER)
        with setup.waiting_for(0.5):
            assert setup.register(fresh_email(setup)).status_code in {502, 504}
        assert setup.register(fresh_email(setup)).status_code == 201


def test_a_wrong_password_is_one_and_is_counted(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    assert setup.register(email).status_code == 201
    codes = [setup.log_in(email, "not the password").status_code for _ in range(8)]
    assert codes[:5] == [401] * 5
    assert 429 in codes
    assert_problem(setup.log_in(email), 429, "too_many_attempts")


def test_a_known_device_is_not_blocked_by_unknown_devices(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    device = setup.register(email).json()["device_token"]
    while setup.log_in(email, "not the password").status_code != 429:
        pass
    assert setup.log_in(email, device_token=device).status_code == 200


def test_a_taken_address_is_rejected_with_the_member(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    assert setup.register(email).status_code == 201
    assert_problem(setup.register(email), 409, "upstream_refused")
    assert len(setup.api.execute(sa.select(users.c.id))) == 1


def test_a_hostile_image_is_rejected_before_a_byte_leaves(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    before = setup.example.requests().get(REGISTER, 0)
    response = setup.register(email, image=b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert_problem(response, 422, "image_type_unsupported")
    assert setup.example.requests().get(REGISTER, 0) == before
    assert stored(setup.api) == {}


@pytest.mark.parametrize("mode", ["html500", "half", "slow"])
def test_a_lost_answer_is_repaired_by_the_same_request(setup: UpstreamSetup, mode: str) -> None:
    """The upstream has the account, and no second one is created."""
    email = fresh_email(setup)
    setup.example.will(mode, times=1, after=True, seconds=40)
    with setup.waiting_for(2.0 if mode == "slow" else 30.0):
        assert setup.register(email, key="one").status_code in {502, 504}
    before = setup.example.requests().get(REGISTER, 0)
    repeated = setup.register(email, key="one")
    assert repeated.status_code == 201, repeated.text
    assert setup.example.requests().get(REGISTER, 0) == before
    assert len(setup.api.execute(sa.select(users.c.id))) == 1


def test_a_request_that_did_not_arrive_registers_when_it_is_repeated(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    setup.example.will("html500", times=1, path=REGISTER)
    assert_problem(setup.register(email, key="two"), 502, "upstream_failed")
    assert setup.register(email, key="two").status_code == 201
    again = setup.register(email, key="two")
    assert again.status_code == 201
    assert len(setup.api.execute(sa.select(users.c.id))) == 1


def test_a_key_of_another_registration_is_rejected(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    assert setup.register(email, key="three").status_code == 201
    assert_problem(setup.register(email, key="three", name="Eve"), 422, "idempotency_key_reused")


def test_our_own_failure_after_the_registration_is_repaired(
    setup: UpstreamSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = fresh_email(setup)
    grants = setup.api.auth_app.state.services.upstream.stored.service

    def fail(*_arguments: object) -> None:
        raise RuntimeError("the process fails here")

    with monkeypatch.context() as patch:
        patch.setattr(type(grants), "store", fail)
        assert_problem(setup.register(email, key="four"), 500, "internal_error")
    assert stored(setup.api) == {}
    before = setup.example.requests()[REGISTER]
    assert setup.register(email, key="four").status_code == 201, "at once"
    assert setup.example.requests()[REGISTER] == before
    assert len(setup.api.execute(sa.select(users.c.id))) == 1


def test_a_commit_that_fails_after_the_registration_is_repaired(setup: UpstreamSetup) -> None:
    """The statements have succeeded, and the database rejects their commit."""
    email = fresh_email(setup)
    engine = setup.api.auth_app.state.resources.database.engine
    grants: list[sa.Connection] = []

    def note(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO upstream_grants"):
            grants.append(connection)

    def fail(connection: sa.Connection) -> None:
        if connection in grants:
            raise sa.exc.OperationalError("COMMIT", {}, Exception("database or disk is full"))

    sa.event.listen(engine, "before_cursor_execute", note)
    sa.event.listen(engine, "commit", fail)
    try:
        assert setup.register(email, key="seven").status_code in {500, 503}
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
        sa.event.remove(engine, "commit", fail)
    assert grants
    assert stored(setup.api) == {}
    assert setup.api.execute(sa.select(upstream_registrations.c.state)) == [("unknown",)]
    before = setup.example.requests()[REGISTER]
    assert setup.register(email, key="seven").status_code == 201
    assert setup.example.requests()[REGISTER] == before
    assert len(setup.api.execute(sa.select(users.c.id))) == 1


def test_a_registration_that_is_done_stays_so_after_a_failure(setup: UpstreamSetup) -> None:
    email = fresh_email(setup)
    assert setup.register(email, key="five").status_code == 201
    setup.example.will("html500", times=1, path=LOGIN)
    assert_problem(setup.register(email, key="five"), 502, "upstream_failed")
    states = setup.api.execute(sa.select(upstream_registrations.c.state))
    assert states == [("done",)]


def test_a_repeat_waits_while_the_first_request_is_sent(setup: UpstreamSetup) -> None:
    """The repeated request does not claim the key of the first one."""
    email = fresh_email(setup)
    before = setup.example.requests().get(REGISTER, 0)
    setup.example.will("silent", times=1, path=REGISTER, after=True)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(setup.register, email, key="six")
        wait_until(lambda: setup.example.requests().get(REGISTER, 0) > before, "sent", 60)
        for _ in range(2):
            assert_problem(setup.register(email, key="six"), 409, "registration_in_progress")
        setup.example.will("ok")
        assert first.result().status_code == 201


def test_registration_closed_here_sends_nothing(
    setup: UpstreamSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = setup.api.auth_app.state.services.upstream
    policy = services.registrations._accounts._policy
    monkeypatch.setattr(policy, "_policy", type(policy._policy)("closed"))
    before = setup.example.requests().get(REGISTER, 0)
    assert_problem(setup.register(fresh_email(setup)), 403, "registration_closed")
    assert setup.example.requests().get(REGISTER, 0) == before


@pytest.mark.parametrize("path", ["other/token", "theapi2/register", "THEAPI/token", "x%2F..%2Ftheapi/token"])
def test_an_unknown_upstream_is_not_found(setup: UpstreamSetup, path: str) -> None:
    body = {"email": "ada@example.com", "password": "x"}
    response = setup.api.call("POST", f"{UPSTREAM}/{path}", json=body)
    assert response.status_code in {404, 422}
