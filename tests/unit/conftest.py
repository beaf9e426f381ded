"""Property tests have no deadline, because they must not fail on a busy machine."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the shell's variables of settings, such as the tests' own."""
    for name in [name for name in os.environ if name.startswith("DOORWARD_")]:
        monkeypatch.delenv(name)
