"""Both services as processes over one SQLite file, observed like an operator."""

from collections.abc import Iterator

import pytest

from integration.harness.deployment import Deployment
from integration.harness.people import People
from support.services import PATIENT


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("operations")
    with Deployment(f"sqlite:///{folder}/doorward.db", folder, **PATIENT) as deployment:
        yield deployment


@pytest.fixture
def people(deployment: Deployment) -> People:
    return deployment.people()
