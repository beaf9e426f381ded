"""A service whose polls reach two replicas of auth in turn misses nothing while hundreds of sessions end."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.harness.deployment import wait_until
from integration.remote.bulk_logout import BulkLogout
from integration.remote.deployment import RemoteDeployment
from integration.remote.own_service import REPORTS
from integration.remote.relay import Relay
from support.redis import Redis
from support.services import Service

SESSIONS = 300


@pytest.fixture(params=["database", "exchange"])
def replicas(
    deployment: RemoteDeployment, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[list[Service]]:
    """Two auth processes, which tell each other of revocations through the database alone, or at once."""
    with ExitStack() as stack:
        env = {}
        if request.param == "exchange":
            env["DOORWARD_REDIS_URL"] = stack.enter_context(Redis(tmp_path)).url
        yield [
            stack.enter_context(deployment.replica(f"auth-{request.param}-{number}.log", **env))
            for number in (1, 2)
        ]


async def test_no_revocation_is_missed_by_polls_of_alternating_replicas(
    deployment: RemoteDeployment, replicas: list[Service], request: pytest.FixtureRequest
) -> None:
    logout = BulkLogout(deployment.database_url, replicas, SESSIONS)
    await logout.log_in()
    with ExitStack() as stack:
        relay = stack.enter_context(Relay([replica.port for replica in replicas]))
        # It polls more often than needed, between any two polls of the replicas, and has no Redis.
        service = stack.enter_context(
            deployment.own_service(
                f"{request.node.name}.log", auth_url=relay.auth_url, DOORWARD_REVOCATION_POLL_SECONDS="0.05"
            )
        )
        assert await logout.accepted(service.port, REPORTS) == SESSIONS
        assert await logout.leave(service.port, REPORTS) == 0
        wait_until(lambda: relay.polls()[-1].status == 304, "both replicas' lists equal")
