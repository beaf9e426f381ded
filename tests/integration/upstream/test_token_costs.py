"""What it costs to ask for a token of an upstream: statements and hops, which depend on no machine."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now
from integration.harness.request_cost import Cost, Request, cost_of
from integration.upstream.installation import UPSTREAM, UpstreamSetup

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def cost(running_setup: UpstreamSetup, request: pytest.FixtureRequest) -> Callable[[bool], Cost]:
    api = running_setup.api
    api.wipe()
    running_setup.example.will("ok")
    # The upstream keeps the accounts of earlier tests.
    pair = running_setup.register(f"{request.node.name[-20:]}@example.com").json()

    def cost(is_expired: bool) -> Cost:  # noqa: FBT001 - what the test is about
        def prepare() -> Request:
            if is_expired:
                api.execute(sa.update(upstream_grants).values(access_expires_at=utc_now(-1)))
            return Request(api.auth, "GET", f"{UPSTREAM}/theapi/token", pair["access_token"])

        return cost_of({api.auth_app.state.resources.database.engine}, prepare)

    return cost


def test_a_valid_token_is_read_and_its_reading_recorded(cost: Callable[[bool], Cost]) -> None:
    measured = cost(False)
    assert (measured.statements, measured.commits, measured.hops) == ("SELECT SELECT INSERT", 0, 2)


def test_a_refresh_adds_the_lease_and_the_result(cost: Callable[[bool], Cost]) -> None:
    measured = cost(True)
    assert (measured.statements, measured.commits, measured.hops) == (
        "SELECT SELECT UPDATE UPDATE INSERT",
        0,
        4,
    )
