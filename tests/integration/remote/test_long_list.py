"""A hundred thousand revoked sessions: the list arrives, and what comes after it stays small."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from integration.harness.deployment import wait_until
from integration.remote.deployment import RemoteDeployment
from integration.remote.own_service import OwnService
from integration.remote.relay import Exchange, Relay
from support.databases import DatabaseServer

REVOKED = 100_000
SMALL = 1_000
"""Bytes."""

COUNT = "doorward_revocations"


@dataclass(frozen=True)
class LongList:
    deployment: RemoteDeployment
    service: OwnService
    relay: Relay

    def partial(self) -> list[Exchange]:
        """Return the polls but for those that ask for everything, once a minute."""
        return [one for one in list(self.relay.exchanges) if one.is_poll and not one.is_full]


@pytest.fixture(scope="module")
def long_list(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongList]:
    with ExitStack() as stack:
        database = stack.enter_context(mariadb_server.create_database("long"))
        deployment = RemoteDeployment(database, tmp_path_factory.mktemp("long"))
        deployment.revoke_at_once([uuid.uuid4() for _ in range(REVOKED)])
        stack.enter_context(deployment)
        relay = stack.enter_context(Relay([deployment.auth.port]))
        service = stack.enter_context(deployment.own_service("own.log", auth_url=relay.auth_url))
        yield LongList(deployment, service, relay)


def test_the_whole_list_arrives_and_a_logout_bites_as_ever(long_list: LongList) -> None:
    service, deployment = long_list.service, long_list.deployment
    wait_until(lambda: service.metric(COUNT) == REVOKED, "everything heard", 90)
    assert service.readiness() == (200, "ok")
    full, *_ = [one for one in long_list.relay.exchanges if one.is_full]
    assert full.bytes > REVOKED * 36
    for _ in range(3):
        somebody = deployment.sign_in()
        assert service.status(somebody.access) == 200
        deployment.log_out(somebody)
        service.wait_until_refused(somebody.access)


def test_what_comes_after_it_is_small(long_list: LongList) -> None:
    deployment, relay = long_list.deployment, long_list.relay
    wait_until(lambda: len(long_list.partial()) > 2, "asked")
    relay.exchanges.clear()
    somebody = deployment.sign_in()
    deployment.log_out(somebody)
    long_list.service.wait_until_refused(somebody.access)
    wait_until(lambda: any(one.bytes for one in long_list.partial()), "told")
    assert max(one.bytes for one in long_list.partial()) < SMALL
    assert {one.status for one in long_list.partial()} <= {200, 304}
