"""Measurements run in a process of their own, which logs as a server does: requests cost their log lines."""

import pytest

from doorward_kit.logging import configure_logging


@pytest.fixture(scope="session", autouse=True)
def logging_of_a_server() -> None:
    configure_logging("info")
