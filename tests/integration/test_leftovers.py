"""Servers and their data are removed at the end of a test run, also after a crash."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.harness.deployment import wait_until
from support import reaper
from support.processes import inherited_environment

TESTS = Path(__file__).parents[1]
SUITE = """
import time
from pathlib import Path

from support.servers import database_server
from support.services import Service, migrate


def test_runs_servers():
    with database_server(durable=False) as server, server.create_database() as database:
        migrate(database.url)
        with Service("auth", database_url=database.url, log=Path("auth.log")) as service:
            started = Path("started.new")
            started.write_text(f"{service.pid} {server.process.pid} {server.folder}")
            started.rename("started")
            time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie, which waits for its parent alone, does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="who is alive is read from /proc")
@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGINT, []),
        (signal.SIGTERM, ["-n", "1"]),
        (signal.SIGKILL, ["-n", "1"]),
    ],
    ids=["SIGINT", "SIGTERM with xdist", "SIGKILL with xdist"],
)
def test_no_server_outlives_the_tests(tmp_path: Path, number: signal.Signals, workers: list[str]) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    tests = subprocess.Popen(
        reaper.command([sys.executable, "-m", "pytest", "-q", "-c", os.devnull, *workers, "."]),
        cwd=tmp_path,
        env={**inherited_environment(), "PYTHONPATH": str(TESTS)},
        stdin=reaper.registry(),
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until((tmp_path / "started").exists, "running", 120)
        *pids, folder = (tmp_path / "started").read_text().split()
        assert all(is_alive(int(pid)) for pid in pids)
        tests.send_signal(number)
        tests.wait(60)
        wait_until(lambda: not any(is_alive(int(pid)) for pid in pids), "ended")
        wait_until(lambda: not Path(folder).exists(), "removed")
    finally:
        tests.kill()
        tests.wait()
