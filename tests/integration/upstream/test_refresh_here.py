"""A refresh of our tokens, and what it does to the upstream's."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.upstream import session_refresh
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM, UpstreamSetup, installed
from support.example_upstream import ExampleUpstream

pytestmark = pytest.mark.databases("sqlite")

REFRESH = "/api/token/refresh"


@pytest.fixture(scope="module", params=["independent", "bound"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UpstreamSetup]:
    folder = tmp_path_factory.mktemp("refresh")
    with (
        ExampleUpstream(folder) as example,
        installed(folder, example, sessions=request.param, timeout_seconds=30.0) as setup,
    ):
        yield setup


@pytest.fixture
def setup(running: UpstreamSetup, monkeypatch: pytest.MonkeyPatch) -> Iterator[UpstreamSetup]:
    monkeypatch.setattr(session_refresh, "BUDGET_SECONDS", 60.0)  # a slow machine is not pending
    running.api.wipe()
    running.example.will("ok")
    yield running
    running.example.will("ok")
    gate = running.api.auth_app.state.services.upstream.stored.providers.all()[0].gate
    gate.record_answer()
    gate._resume_at = 0.0


def is_bound(setup: UpstreamSetup) -> bool:
    return bool(setup.api.auth_app.state.services.upstream.stored.providers.all()[0].binds_sessions)


def registered(setup: UpstreamSetup) -> dict[str, Any]:
    pair: dict[str, Any] = setup.register(f"cy{sum(setup.example.requests().values())}@example.com").json()
    assert "upstream" not in pair
    # Most of the lifetime of the upstream's token is over.
    aged = {"access_expires_at": utc_now(20), "last_refreshed_at": utc_now(-40)}
    setup.api.execute(upstream_grants.update().values(aged))
    return pair


def stored_token(setup: UpstreamSetup) -> bytes:
    token: bytes = setup.api.execute(sa.select(upstream_grants.c.access_token))[0][0]
    return token


def is_leased(setup: UpstreamSetup) -> bool:
    return setup.api.execute(sa.select(upstream_grants.c.leased_until))[0][0] is not None


def test_a_refresh_here_refreshes_there(setup: UpstreamSetup) -> None:
    pair = registered(setup)
    before = stored_token(setup)
    sent = setup.example.requests().get(REFRESH, 0)
    refreshed = setup.api.refresh(pair["refresh_token"]).json()
    assert refreshed["upstream"] == "fresh"
    assert setup.example.requests()[REFRESH] == sent + 1
    assert stored_token(setup) != before


@pytest.mark.parametrize("mode", ["html500", "silent", "half", "throttled"])
def test_an_upstream_that_fails_costs_nothing_here(setup: UpstreamSetup, mode: str) -> None:
    pair = registered(setup)
    before = stored_token(setup)
    setup.example.will(mode, path=REFRESH, seconds=5)
    with setup.waiting_for(0.5 if mode == "silent" else 30.0):
        refreshed = setup.api.refresh(pair["refresh_token"])
    assert (refreshed.status_code, refreshed.json()["upstream"]) == (200, "pending")
    assert setup.api.call("GET", f"{USERS}/me", refreshed.json()["access_token"]).status_code == 200
    assert stored_token(setup) == before, "it is valid until it expires"


def test_a_refresh_here_does_not_wait_for_a_slow_upstream(
    setup: UpstreamSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = registered(setup)
    monkeypatch.setattr(session_refresh, "BUDGET_SECONDS", 0.1)
    setup.example.will("silent", path=REFRESH)
    refreshed = setup.api.refresh(pair["refresh_token"]).json()
    assert refreshed["upstream"] == "pending"
    assert is_leased(setup), "its refresh goes on"
    setup.example.will("ok")
    wait_until(lambda: not is_leased(setup), "ended the refresh", 60)


def test_a_grant_that_is_over_ends_a_bound_session_alone(setup: UpstreamSetup) -> None:
    pair = registered(setup)
    setup.example.revoke_all()
    refreshed = setup.api.refresh(pair["refresh_token"])
    if is_bound(setup):
        assert_problem(refreshed, 401, "upstream_reauthentication_required")
        setup.api.sync_revocations()
        assert setup.api.call("GET", f"{USERS}/me", pair["access_token"]).status_code == 401
        return
    assert (refreshed.status_code, refreshed.json()["upstream"]) == (200, "reauth_required")
    access = refreshed.json()["access_token"]
    response = setup.api.call("GET", f"{UPSTREAM}/theapi/token", access)
    assert_problem(response, 401, "upstream_reauthentication_required")
    assert setup.api.call("GET", UPSTREAM, access).json()["items"][0]["state"] == "reauth_required"
    assert setup.api.call("GET", f"{AUTH}/me", access).status_code == 200
