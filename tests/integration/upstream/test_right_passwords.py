"""Right passwords of one account at an upstream have a limit: each is rows here and a request there."""

import pytest

from doorward_auth.rate_limiting.limits import LOGINS_BY_ACCOUNT
from doorward_identity.tables import rate_limits
from doorward_kit.column_types import utc_now
from doorward_kit.rate_limiting.limits import LimitKey
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import ADA, SECRET, UPSTREAM, UpstreamSetup

pytestmark = pytest.mark.databases("sqlite")

LOGIN = "/api/login"
OTHER = "other@example.com"


@pytest.fixture(scope="module")
def running(running_setup: UpstreamSetup) -> UpstreamSetup:
    assert running_setup.register(ADA).status_code == 201
    assert running_setup.register(OTHER).status_code == 201
    return running_setup


@pytest.fixture
def setup(running: UpstreamSetup) -> UpstreamSetup:
    running.api.wipe()
    return running


def reach_limit(setup: UpstreamSetup, subject: str) -> None:
    """Write what the last login within the limit writes."""
    mine = rate_limits.c.key_hash == LimitKey.of(LOGINS_BY_ACCOUNT, subject).hash
    reached = rate_limits.update().where(mine).values(blocked_until=utc_now(600))
    with setup.api.transaction() as connection:
        assert connection.execute(reached).rowcount == 1


def test_past_the_limit_the_upstream_is_not_asked(setup: UpstreamSetup) -> None:
    assert setup.log_in().status_code == 200
    reach_limit(setup, f"theapi:{ADA}")
    before = setup.example.requests()[LOGIN]
    assert_problem(setup.log_in(), 429, "too_many_attempts")
    assert_problem(setup.log_in(ADA.upper()), 429, "too_many_attempts")
    assert setup.example.requests()[LOGIN] == before
    assert setup.log_in(OTHER).status_code == 200, "another account"


def test_a_known_device_has_a_limit_of_its_own(setup: UpstreamSetup) -> None:
    token = setup.log_in().json()["device_token"]
    reach_limit(setup, f"theapi:{ADA}")
    assert setup.log_in(device_token=token).status_code == 200
    assert_problem(setup.log_in(), 429, "too_many_attempts")


def test_links_count_as_well(setup: UpstreamSetup) -> None:
    """Repeated in one session, each would leave a row of what it replaced."""
    bootstrap(setup.api, "admin@example.com")
    admin = sign_in(setup.api, "admin@example.com")
    body = {"email": ADA, "password": SECRET}
    assert setup.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body).status_code == 204
    reach_limit(setup, f"theapi:{ADA}")
    again = setup.api.call("POST", f"{UPSTREAM}/theapi/link", admin.access, json=body)
    assert_problem(again, 429, "too_many_attempts")
