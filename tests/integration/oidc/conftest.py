"""An installation with OpenID Connect, and a confidential first-party client."""

from collections.abc import Callable, Iterator

import pytest

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.oidc.provider import Client, providers_on, register


@pytest.fixture(scope="session", autouse=True)
def _clients_are_told_when_a_test_says_so() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doorward_auth.oidc.backchannel.service.INTERVAL_SECONDS", 3600.0)
        yield


@pytest.fixture(scope="session")
def providers(
    installations: Callable[[str], Installation], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Installation]]:
    """Replicas with the provider on, over the shared database of a backend, until the session's end."""
    with providers_on(installations, tmp_path_factory) as provider_on:
        yield provider_on


@pytest.fixture
def idp(providers: Callable[[str], Installation], backend: str, people: People) -> Installation:
    """Replicas with the provider on, over the people's database."""
    del people
    replica = providers(backend)
    replica.forget_revocations()
    return replica


@pytest.fixture
def app(idp: Installation) -> Client:
    """A first-party client with a secret."""
    register(idp)
    return Client(idp)
