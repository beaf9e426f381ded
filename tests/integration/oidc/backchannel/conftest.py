"""A client that receives logout tokens."""

from collections.abc import Iterator

import pytest

from integration.harness.installation import Installation
from integration.oidc.logout_receiver import Receiver, receiving
from integration.oidc.provider import Client, register


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def app(idp: Installation, receiver: Receiver) -> Client:
    register(idp, backchannel_logout_uri=receiver.uri)
    return Client(idp)
