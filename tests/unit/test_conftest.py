"""The rules of tests/conftest.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.scheduling import FOLDERS

SUITE = """
import pytest

def test_skips_itself():
    pytest.skip("no server")

@pytest.mark.skipif(True, reason="another platform")
def test_of_another_platform(): ...

@pytest.mark.xfail(reason="known")
def test_known_to_fail():
    raise AssertionError

def test_passes(): ...
"""


@pytest.mark.parametrize(("ci", "failed", "skipped"), [("true", 1, 1), ("", 0, 2)])
def test_under_ci_a_skip_is_a_failure(tmp_path: Path, ci: str, failed: int, skipped: int) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DOORWARD"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-c", os.devnull, "."],
        cwd=tmp_path,
        env={**environment, "CI": ci, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    summary = done.stdout.splitlines()[-1]
    assert f"1 passed, {skipped} skipped, 1 xfailed" in summary, done.stdout
    assert ("1 failed" in summary) is bool(failed)
    assert ("a skip under CI" in done.stdout) is bool(failed)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_that_one_worker_runs_exists(folder: str) -> None:
    assert any((Path(__file__).parents[2] / folder).glob("test_*.py"))
