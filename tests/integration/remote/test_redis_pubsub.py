"""News of revocations by Redis: at once where it is there, and nothing worse than a poll where it is not."""

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
LONG_BEFORE_THE_POLL = 30.0
"""Of sixty seconds. News take milliseconds, on a machine that has time."""


@dataclass(frozen=True)
class Informed:
    """Auth, users and a service elsewhere, which tell each other by one Redis."""

    redis: Redis
    deployment: RemoteDeployment
    service: OwnService

    def connected(self) -> list[float]:
        """Return what each process says of its connection."""
        services = [metric(service, CONNECTED) for service in self.deployment.services]
        return [*services, self.service.metric(CONNECTED)]

    def statuses(self, somebody: SignedIn) -> list[int]:
        """Return what each process answers somebody."""
        answers = [self.deployment.call("GET", path, somebody.access).status for path in (f"{AUTH}/me", ME)]
        return [*answers, self.service.status(somebody.access)]

    def wait_until_told(self, somebody: SignedIn) -> None:
        """Wait until no process lets somebody in, long before it reads the list of revocations."""
        wait_until(
            lambda: self.statuses(somebody) == [401] * PROCESSES, "refused by all", LONG_BEFORE_THE_POLL
        )

    def wait_until_polled(self, somebody: SignedIn) -> None:
        """Wait until no process lets somebody in that has read the list of revocations since."""
        for service in self.deployment.services:
            self.deployment.wait_until_refused(service, somebody.access)
        self.service.wait_until_refused(somebody.access)

    def mend(self) -> None:
        """Bring Redis back, whatever was done to it."""
        if self.redis.alive:
            self.redis.thaw()
        else:
            self.redis.start()
        # It counts them itself: a process may not know yet that it has lost its connection.
        wait_until(lambda: self.redis.listeners(CHANNEL) == PROCESSES, "heard by all")
        wait_until(lambda: self.connected() == [1.0] * PROCESSES, "connected")


def informed(server: DatabaseServer, folder: pytest.TempPathFactory, **env: str) -> Iterator[Informed]:
    where = folder.mktemp("exchange")
    with server.create_database("exchange") as database, Redis(where) as redis:
        env = {**env, "DOORWARD_REDIS_URL": redis.address, "DOORWARD_REDIS_PASSWORD": redis.password}
        with (
            RemoteDeployment(database, where, **env) as deployment,
            deployment.own_service("own.log", **env) as service,
        ):
            yield Informed(redis, deployment, service)


@pytest.fixture(scope="module")
def polling_rarely(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Informed]:
    """Polls come every thirty seconds: what is known before is news."""
    rarely = {"DOORWARD_REVOCATION_POLL_SECONDS": "60", "DOORWARD_REVOCATION_MAX_AGE_SECONDS": "180"}
    yield from informed(mariadb_server, tmp_path_factory, **rarely)


@pytest.fixture(scope="module")
def polling_as_usual(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Informed]:
    yield from informed(mariadb_server, tmp_path_factory)


def test_ended_sessions_are_refused_before_the_next_poll(polling_rarely: Informed) -> None:
    everybody = [polling_rarely.deployment.sign_in() for _ in range(4)]
    stranger = polling_rarely.deployment.sign_in()
    assert polling_rarely.connected() == [1.0] * PROCESSES
    assert polling_rarely.redis.listeners(CHANNEL) == PROCESSES
    for number, somebody in enumerate(everybody):
        assert polling_rarely.statuses(somebody) == [200] * PROCESSES
        if number % 2:
            polling_rarely.deployment.change(somebody, status="disabled")
        else:
            polling_rarely.deployment.log_out(somebody)
        polling_rarely.wait_until_told(somebody)
    assert polling_rarely.statuses(stranger) == [200] * PROCESSES


def test_invalid_messages_are_ignored(polling_rarely: Informed) -> None:
    somebody = polling_rarely.deployment.sign_in()
    for garbage in INVALID_MESSAGES:
        assert polling_rarely.redis.publish(CHANNEL, garbage) == PROCESSES, garbage[:80]
    assert polling_rarely.statuses(somebody) == [200] * PROCESSES
    polling_rarely.deployment.log_out(somebody)
    polling_rarely.wait_until_told(somebody)
    assert polling_rarely.connected() == [1.0] * PROCESSES


async def test_hundreds_of_logouts_arrive_before_the_next_poll(polling_rarely: Informed) -> None:
    """Also those that a look of the clock's own finds just before the one that tells of them."""
    deployment = polling_rarely.deployment
    eager = {"DOORWARD_REDIS_URL": polling_rarely.redis.url, "DOORWARD_REVOCATION_POLL_SECONDS": "0.01"}
    with deployment.replica("auth-eager.log", **eager) as replica:
        crowd = BulkLogout(deployment.database_url, [replica], 300)
        await crowd.log_in()
        assert await crowd.accepted(deployment.users.port, ME) == 300
        assert await crowd.leave(deployment.users.port, ME) == 0


def test_without_redis_polls_deliver_revocations(polling_as_usual: Informed) -> None:
    deployment = polling_as_usual.deployment
    try:
        polling_as_usual.redis.kill9()
        wait_until(lambda: polling_as_usual.connected() == [0.0] * PROCESSES, "noticed")
        # Each tells, or tries to, and then has to hear of the other's.
        for _ in range(3):
            everybody = [deployment.sign_in() for _ in range(4)]
            for first, second in zip(everybody[::2], everybody[1::2], strict=True):
                deployment.log_out(first)
                deployment.change(second, status="disabled")
            for somebody in everybody:
                polling_as_usual.wait_until_polled(somebody)
        assert deployment.probe("/readyz") == [200, 200]
        assert deployment.call("GET", "/readyz").response.text == "ok\n"
        assert polling_as_usual.service.readiness() == (200, "ok")
        password = polling_as_usual.redis.url.split(":")[2].split("@")[0]
        for process in (*deployment.services, polling_as_usual.service):
            assert "redis_pubsub.unavailable" in process.log_text()
            assert password not in process.log_text()
    finally:
        polling_as_usual.mend()


def test_a_frozen_redis_does_not_delay_requests(polling_as_usual: Informed) -> None:
    deployment = polling_as_usual.deployment
    polling_as_usual.mend()
    everybody = [deployment.sign_in() for _ in range(16)]
    polling_as_usual.redis.freeze()
    try:
        waited: list[list[float]] = []
        for first, second in zip(everybody[::2], everybody[1::2], strict=True):
            change = {"status": "disabled"}
            answers = [
                deployment.call("PATCH", first.member.path, deployment.admin, json=change),
                deployment.call("POST", f"{AUTH}/logout", second.access),
            ]
            assert [answer.status for answer in answers] == [200, 204]
            waited.append([answer.seconds for answer in answers])
            # The users service has something to tell, in vain, and must hear of the logout meanwhile.
            polling_as_usual.wait_until_polled(second)
            polling_as_usual.wait_until_polled(first)
        # A second of waiting for Redis would be in here with each.
        for kind in zip(*waited, strict=True):
            assert min(kind) < 1.0
        wait_until(lambda: polling_as_usual.connected() == [0.0] * PROCESSES, "noticed")
    finally:
        polling_as_usual.mend()


def test_pubsub_works_again_after_a_redis_outage(polling_rarely: Informed) -> None:
    for accident in (polling_rarely.redis.kill9, polling_rarely.redis.freeze):
        accident()
        polling_rarely.mend()
        somebody = polling_rarely.deployment.sign_in()
        assert polling_rarely.statuses(somebody) == [200] * PROCESSES
        polling_rarely.deployment.log_out(somebody)
        polling_rarely.wait_until_told(somebody)
