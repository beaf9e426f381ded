"""The edge in front of echo backends, and the whole chain with the real services."""

import json
from collections.abc import Iterator

import pytest

from doorward_client.keys.key_set import ES256, RS256
from doorward_kit.key_rotation import new_jwk
from support.chain import Chain, Edge, running_chain, running_edge
from support.client import Client
from support.echo import Backends, EchoServer
from support.services import PATIENT


@pytest.fixture(scope="package")
def _backends() -> Iterator[Backends]:
    with EchoServer() as auth, EchoServer() as users, EchoServer() as tickets:
        yield Backends(auth, users, tickets)


@pytest.fixture(scope="package")
def edge(_backends: Backends) -> Iterator[Edge]:
    """HAProxy and NGINX as shipped, in front of the echo backends."""
    with running_edge(*_backends.ports) as edge:
        yield edge


@pytest.fixture
def backends(_backends: Backends) -> Backends:
    """The echo backends, with an empty record."""
    for backend in (_backends.auth, _backends.users, _backends.tickets):
        backend.received.clear()
    return _backends


@pytest.fixture(params=["tls", "plain"])
def client(edge: Edge, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of the edge, once through each listener."""
    with edge.client(tls=request.param == "tls") as client:
        yield client


@pytest.fixture(scope="package")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """HAProxy, NGINX, auth, users, tickets and MariaDB, with OpenID Connect on."""
    keys = tmp_path_factory.mktemp("oidc") / "keys.json"
    keys.write_text(json.dumps({"keys": [new_jwk(RS256), new_jwk(ES256)]}), encoding="utf-8")
    provider = {"DOORWARD_PUBLIC_URL": "https://id.example.com", "DOORWARD_OIDC_JWKS_FILE": str(keys)}
    with running_chain(env={**PATIENT, **provider}) as chain:
        yield chain
