"""A hash of each system, and cheap hashing."""

from collections.abc import Callable, Iterator

import pytest

from doorward_identity.passwords import PasswordHashing
from doorward_identity.settings import Argon2Settings
from doorward_kit.metrics import Metrics
from unit.identity.hash_formats.makers import MAKERS


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Callable[[str], str]:
    return MAKERS[request.param]


@pytest.fixture
def hashing() -> Iterator[PasswordHashing]:
    cheap = {"argon2_memory_kib": 8, "argon2_time_cost": 1, "hash_threads": 1}
    hashing = PasswordHashing(Argon2Settings.model_validate(cheap), Metrics())
    yield hashing
    hashing.shutdown()
