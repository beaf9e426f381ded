"""What the benchmark starts is the command that it made, such as one that is pinned to a core."""

import sys
from pathlib import Path

import pytest

from bench.stack import MeasuredService
from support.processes import ProcessError


def test_the_command_of_a_service_may_be_another(tmp_path: Path) -> None:
    service = MeasuredService("users", database_url="sqlite://", log=tmp_path / "log")
    service.command = [sys.executable, "-c", "print('another')"]
    with pytest.raises(ProcessError, match=r"ended at once with status 0\nanother"):
        service.start()
