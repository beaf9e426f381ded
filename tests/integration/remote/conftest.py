"""Doorward, and a remote service without access to its database."""

from collections.abc import Iterator

import pytest

from integration.remote.deployment import RemoteDeployment
from integration.remote.own_service import OwnService
from integration.remote.relay import Relay
from support.databases import DatabaseServer


@pytest.fixture(scope="package")
def shared_remote(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RemoteDeployment]:
    with (
        mariadb_server.create_database("remote") as database,
        RemoteDeployment(database, tmp_path_factory.mktemp("remote")) as deployment,
    ):
        yield deployment


@pytest.fixture
def deployment(shared_remote: RemoteDeployment) -> RemoteDeployment:
    """Both services, restarted if an earlier test stopped them."""
    for service in shared_remote.services:
        if not service.alive:
            service.start()
    return shared_remote


@pytest.fixture(scope="package")
def relay(shared_remote: RemoteDeployment) -> Iterator[Relay]:
    """A relay between the service and auth that records their exchanges."""
    with Relay([shared_remote.auth.port]) as relay:
        yield relay


@pytest.fixture(scope="package")
def shared_service(shared_remote: RemoteDeployment, relay: Relay) -> Iterator[OwnService]:
    with shared_remote.own_service("own.log", auth_url=relay.auth_url) as service:
        yield service


@pytest.fixture
def service(deployment: RemoteDeployment, shared_service: OwnService) -> OwnService:  # noqa: ARG001 - auth runs
    """The example, as its README starts it, with default settings."""
    return shared_service
