"""Failures of an upstream at a registration or login: a clear error, nothing stored, nothing sent twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.tables import avatars, sessions, upstream_grants, upstream_identities, users
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM, Scene, installed
from support.example_upstream import ExampleUpstream
from support.images import png

pytestmark = pytest.mark.databases("sqlite")

REGISTER, LOGIN = "/api/register", "/api/login"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("failing-upstream")
    with ExampleUpstream(folder) as example, installed(folder, example, timeout_seconds=30.0) as scene:
        yield scene


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    running.api.wipe()
    running.example.will("ok")
    yield running
    running.example.will("ok")
    running.api.auth_app.state.services.upstream.logins._requests._gates["theapi"].record_answer()


def stored(scene: Scene) -> dict[str, int]:
    """Count what a login leaves."""
    tables = users, sessions, upstream_identities, upstream_grants, avatars
    counts = {
        table.name: scene.api.execute(sa.select(sa.func.count()).select_from(table))[0][0] for table in tables
    }
    return {name: count for name, count in counts.items() if count}


def fresh_email(scene: Scene) -> str:
    return f"bob{sum(scene.example.requests().values())}@example.com"


@dataclass(frozen=True)
class Failure:
    """What the upstream does, and what its caller hears."""

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
def test_a_failure_is_a_clear_error_and_nothing_is_stored(scene: Scene, operation: str, name: str) -> None:
    failure = FAILURES[name]
    email = fresh_email(scene)
    scene.example.will(failure.mode, times=1, **failure.details)
    send = {"register": lambda: scene.register(email, image=png()), "log_in": lambda: scene.log_in(email)}
    with scene.waiting_for(failure.timeout):
        response = send[operation]()
    problem = assert_problem(response, failure.status, failure.code)
    for word in ("AttributeError", "save", "traceback", "<html"):
        assert word not in response.text
    assert stored(scene) == {}
    assert (failure.mode == "throttled") == (response.headers.get("retry-after") == "7")
    assert problem["title"]


def test_an_upstream_that_is_away_is_unavailable_and_not_asked(scene: Scene) -> None:
    adapter = scene.api.auth_app.state.services.upstream.stored.providers.all()[0].adapter
    there = adapter._settings
    try:
        adapter._settings = there.model_copy(update={"base_url": "http://127.0.0.1:1"})
        assert_problem(scene.register(fresh_email(scene)), 503, "upstream_unavailable")
    finally:
        adapter._settings = there
    assert stored(scene) == {}


def test_what_one_caller_makes_the_upstream_do_shuts_nobody_out(scene: Scene) -> None:
    for mode in ("silent", "html500", "half"):
        scene.example.will(mode, times=1, path=REGISTER)
        with scene.waiting_for(0.5):
            assert scene.register(fresh_email(scene)).status_code in {502, 504}
        assert scene.register(fresh_email(scene)).status_code == 201


def test_a_wrong_password_is_one_and_is_counted(scene: Scene) -> None:
    email = fresh_email(scene)
    assert scene.register(email).status_code == 201
    codes = [scene.log_in(email, "not the password").status_code for _ in range(8)]
    assert codes[:5] == [401] * 5
    assert 429 in codes
    assert_problem(scene.log_in(email), 429, "too_many_attempts")


def test_a_known_device_is_not_blocked_by_strangers(scene: Scene) -> None:
    email = fresh_email(scene)
    device = scene.register(email).json()["device_token"]
    while scene.log_in(email, "not the password").status_code != 429:
        pass
    assert scene.log_in(email, device_token=device).status_code == 200


def test_a_taken_address_is_refused_with_the_member(scene: Scene) -> None:
    email = fresh_email(scene)
    assert scene.register(email).status_code == 201
    assert_problem(scene.register(email), 409, "upstream_refused")
    assert len(scene.api.execute(sa.select(users.c.id))) == 1


def test_a_hostile_image_is_refused_before_a_byte_leaves(scene: Scene) -> None:
    email = fresh_email(scene)
    before = scene.example.requests().get(REGISTER, 0)
    response = scene.register(email, image=b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert_problem(response, 422, "image_type_unsupported")
    assert scene.example.requests().get(REGISTER, 0) == before
    assert stored(scene) == {}


@pytest.mark.parametrize("mode", ["html500", "half", "slow"])
def test_a_lost_answer_is_repaired_by_the_same_request(scene: Scene, mode: str) -> None:
    """The upstream has the account, and no second one is created."""
    email = fresh_email(scene)
    scene.example.will(mode, times=1, after=True, seconds=40)
    with scene.waiting_for(2.0 if mode == "slow" else 30.0):
        assert scene.register(email, key="one").status_code in {502, 504}
    before = scene.example.requests().get(REGISTER, 0)
    repeated = scene.register(email, key="one")
    assert repeated.status_code == 201, repeated.text
    assert scene.example.requests().get(REGISTER, 0) == before
    assert len(scene.api.execute(sa.select(users.c.id))) == 1


def test_a_request_that_did_not_arrive_registers_when_it_is_repeated(scene: Scene) -> None:
    email = fresh_email(scene)
    scene.example.will("html500", times=1, path=REGISTER)
    assert_problem(scene.register(email, key="two"), 502, "upstream_failed")
    assert scene.register(email, key="two").status_code == 201
    again = scene.register(email, key="two")
    assert again.status_code == 201
    assert len(scene.api.execute(sa.select(users.c.id))) == 1


def test_a_key_of_another_registration_is_refused(scene: Scene) -> None:
    email = fresh_email(scene)
    assert scene.register(email, key="three").status_code == 201
    assert_problem(scene.register(email, key="three", name="Eve"), 422, "idempotency_key_reused")


def test_our_own_failure_after_the_registration_is_repaired(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = fresh_email(scene)
    grants = scene.api.auth_app.state.services.upstream.stored.service

    def fail(*_arguments: object) -> None:
        raise RuntimeError("the process fails here")

    with monkeypatch.context() as patch:
        patch.setattr(type(grants), "store", fail)
        assert_problem(scene.register(email, key="four"), 500, "internal_error")
    assert stored(scene) == {}
    scene.api.execute("UPDATE upstream_registrations SET leased_until = '2000-01-01 00:00:00.000000'")
    assert scene.register(email, key="four").status_code == 201


def test_registration_closed_here_sends_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    services = scene.api.auth_app.state.services.upstream
    policy = services.registrations._accounts._policy
    monkeypatch.setattr(policy, "_policy", type(policy._policy)("closed"))
    before = scene.example.requests().get(REGISTER, 0)
    assert_problem(scene.register(fresh_email(scene)), 403, "registration_closed")
    assert scene.example.requests().get(REGISTER, 0) == before


@pytest.mark.parametrize("path", ["other/token", "theapi2/register", "THEAPI/token", "x%2F..%2Ftheapi/token"])
def test_an_unknown_upstream_is_not_found(scene: Scene, path: str) -> None:
    body = {"email": "ada@example.com", "password": "x"}
    response = scene.api.call("POST", f"{UPSTREAM}/{path}", json=body)
    assert response.status_code in {404, 422}
