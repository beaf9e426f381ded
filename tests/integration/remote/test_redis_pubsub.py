"""Redis delivers revocations at once; while it is unavailable, polls deliver them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from doorward_client.revocations.redis_pubsub import CHANNEL
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS
from integration.keys.key_deployment import metric
from integration.remote.bulk_logout import BulkLogout
from integration.remote.deployment import RemoteDeployment, SignedIn
from integration.remote.invalid_messages import INVALID_MESSAGES
from integration.remote.own_service import OwnService
from support.databases import DatabaseServer
from support.redis import Redis

CONNECTED = "doorward_revocation_pubsub_connected"
PROCESSES = 3
ME = f"{USERS}/me"
PUBSUB_TIMEOUT_SECONDS = 30.0
"""Polls run every sixty seconds. Pub/sub takes milliseconds, more on a busy machine."""


@dataclass(frozen=True)
class ConnectedServices:
    """Auth, users and a remote service, which publish revocations over one Redis."""

    redis: Redis
    deployment: RemoteDeployment
    service: OwnService

    def connected(self) -> list[float]:
        """Return the connection metric of each process."""
        services = [metric(service, CONNECTED) for service in self.deployment.services]
        return [*services, self.service.metric(CONNECTED)]

    def statuses(self, user: SignedIn) -> list[int]:
        """Return the status of a user's request to each process."""
        answers = [self.deployment.call("GET", path, user.access).status for path in (f"{AUTH}/me", ME)]
        return [*answers, self.service.status(user.access)]

    def wait_until_rejected_by_pubsub(self, user: SignedIn) -> None:
        """Wait until every process rejects a user, in less than a poll interval."""
        wait_until(
            lambda: self.statuses(user) == [401] * PROCESSES, "rejected by all", PUBSUB_TIMEOUT_SECONDS
        )

    def wait_until_rejected_by_polls(self, user: SignedIn) -> None:
        """Wait until every process rejects a user, at the latest with its next poll."""
        for service in self.deployment.services:
            self.deployment.wait_until_rejected(service, user.access)
        self.service.wait_until_rejected(user.access)

    def restore_redis(self) -> None:
        """Start or resume Redis, and wait until all processes are connected."""
        if self.redis.alive:
            self.redis.thaw()
        else:
            self.redis.start()
        # Redis counts its subscribers, because a process may not have noticed a lost connection yet.
        wait_until(lambda: self.redis.listeners(CHANNEL) == PROCESSES, "subscribed by all")
        wait_until(lambda: self.connected() == [1.0] * PROCESSES, "connected")


def connected_services(
    server: DatabaseServer, folder: pytest.TempPathFactory, **env: str
) -> Iterator[ConnectedServices]:
    where = folder.mktemp("exchange")
    with server.create_database("exchange") as database, Redis(where) as redis:
        env = {**env, "DOORWARD_REDIS_URL": redis.address, "DOORWARD_REDIS_PASSWORD": redis.password}
        with (
            RemoteDeployment(database, where, **env) as deployment,
            deployment.own_service("own.log", **env) as service,
        ):
            yield ConnectedServices(redis, deployment, service)


@pytest.fixture(scope="module")
def rare_polling(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConnectedServices]:
    """Polls run every sixty seconds, so an earlier rejection is due to pub/sub."""
    rarely = {"DOORWARD_REVOCATION_POLL_SECONDS": "60", "DOORWARD_REVOCATION_MAX_AGE_SECONDS": "180"}
    yield from connected_services(mariadb_server, tmp_path_factory, **rarely)


@pytest.fixture(scope="module")
def default_polling(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConnectedServices]:
    yield from connected_services(mariadb_server, tmp_path_factory)


def test_ended_sessions_are_rejected_before_the_next_poll(rare_polling: ConnectedServices) -> None:
    users = [rare_polling.deployment.sign_in() for _ in range(4)]
    other_user = rare_polling.deployment.sign_in()
    assert rare_polling.connected() == [1.0] * PROCESSES
    assert rare_polling.redis.listeners(CHANNEL) == PROCESSES
    for number, user in enumerate(users):
        assert rare_polling.statuses(user) == [200] * PROCESSES
        if number % 2:
            rare_polling.deployment.change(user, status="disabled")
        else:
            rare_polling.deployment.log_out(user)
        rare_polling.wait_until_rejected_by_pubsub(user)
    assert rare_polling.statuses(other_user) == [200] * PROCESSES


def test_invalid_messages_are_ignored(rare_polling: ConnectedServices) -> None:
    user = rare_polling.deployment.sign_in()
    for invalid in INVALID_MESSAGES:
        assert rare_polling.redis.publish(CHANNEL, invalid) == PROCESSES, invalid[:80]
    assert rare_polling.statuses(user) == [200] * PROCESSES
    rare_polling.deployment.log_out(user)
    rare_polling.wait_until_rejected_by_pubsub(user)
    assert rare_polling.connected() == [1.0] * PROCESSES


async def test_hundreds_of_logouts_arrive_before_the_next_poll(rare_polling: ConnectedServices) -> None:
    """Includes revocations that a scheduled poll finds just before they are published."""
    deployment = rare_polling.deployment
    eager = {"DOORWARD_REDIS_URL": rare_polling.redis.url, "DOORWARD_REVOCATION_POLL_SECONDS": "0.01"}
    with deployment.replica("auth-eager.log", **eager) as replica:
        logout = BulkLogout(deployment.database_url, [replica], 300)
        await logout.log_in()
        assert await logout.accepted(deployment.users.port, ME) == 300
        assert await logout.leave(deployment.users.port, ME) == 0


def test_without_redis_polls_deliver_revocations(default_polling: ConnectedServices) -> None:
    deployment = default_polling.deployment
    try:
        default_polling.redis.kill9()
        wait_until(lambda: default_polling.connected() == [0.0] * PROCESSES, "noticed")
        # Each service fails to publish its own revocation and must learn the other's from a poll.
        for _ in range(3):
            users = [deployment.sign_in() for _ in range(4)]
            for first, second in zip(users[::2], users[1::2], strict=True):
                deployment.log_out(first)
                deployment.change(second, status="disabled")
            for user in users:
                default_polling.wait_until_rejected_by_polls(user)
        assert deployment.probe("/readyz") == [200, 200]
        assert deployment.call("GET", "/readyz").response.text == "ok\n"
        assert default_polling.service.readiness() == (200, "ok")
        password = default_polling.redis.url.split(":")[2].split("@")[0]
        for process in (*deployment.services, default_polling.service):
            assert "redis_pubsub.unavailable" in process.log_text()
            assert password not in process.log_text()
    finally:
        default_polling.restore_redis()


def test_a_frozen_redis_does_not_delay_requests(default_polling: ConnectedServices) -> None:
    deployment = default_polling.deployment
    default_polling.restore_redis()
    users = [deployment.sign_in() for _ in range(16)]
    default_polling.redis.freeze()
    try:
        waited: list[list[float]] = []
        for first, second in zip(users[::2], users[1::2], strict=True):
            change = {"status": "disabled"}
            answers = [
                deployment.call("PATCH", first.member.path, deployment.admin, json=change),
                deployment.call("POST", f"{AUTH}/logout", second.access),
            ]
            assert [answer.status for answer in answers] == [200, 204]
            waited.append([answer.seconds for answer in answers])
            # The users service fails to publish its change and must learn of the logout from a poll.
            default_polling.wait_until_rejected_by_polls(second)
            default_polling.wait_until_rejected_by_polls(first)
        # A request that waited for Redis would take a second longer.
        for kind in zip(*waited, strict=True):
            assert min(kind) < 1.0
        wait_until(lambda: default_polling.connected() == [0.0] * PROCESSES, "noticed")
    finally:
        default_polling.restore_redis()


def test_pubsub_works_again_after_a_redis_outage(rare_polling: ConnectedServices) -> None:
    for outage in (rare_polling.redis.kill9, rare_polling.redis.freeze):
        outage()
        rare_polling.restore_redis()
        user = rare_polling.deployment.sign_in()
        assert rare_polling.statuses(user) == [200] * PROCESSES
        rare_polling.deployment.log_out(user)
        rare_polling.wait_until_rejected_by_pubsub(user)
