"""The failure of a test that fell into a stall of the machine does not count; any other one does."""

import os
import subprocess
import sys
from pathlib import Path

SUITE = '''
import os
import subprocess
import time
from pathlib import Path

MARK = Path(__file__).with_name("ran")


def stop_this_process():
    """As a virtual machine that is paused: the process is stopped for most of a second."""
    wake = f"kill -STOP {os.getpid()}; sleep 0.8; kill -CONT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", wake]):
        time.sleep(0.1)


def test_fails_in_a_stall_and_passes_without():
    if MARK.exists():
        return
    MARK.touch()
    stop_this_process()
    raise AssertionError


def test_fails_in_every_stall():
    stop_this_process()
    raise AssertionError


def test_fails_without_a_stall():
    with MARK.open("a") as mark:
        mark.write("x")
    raise AssertionError


def test_fails_while_it_turns_the_clock(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 10.0**9)
    time.sleep(0.1)
    raise AssertionError


def test_passes_in_a_stall():
    stop_this_process()


def test_the_one_without_a_stall_ran_once():
    assert MARK.read_text() == "x"
'''


def test_only_what_fell_into_a_stall_is_run_again(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "support.stalls", "-c", os.devnull, "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    lines = run.stdout.splitlines()
    passed = {line.rpartition("::")[2] for line in lines if line.startswith("PASSED")}
    assert passed == {
        "test_fails_in_a_stall_and_passes_without",
        "test_passes_in_a_stall",
        "test_the_one_without_a_stall_ran_once",
    }, run.stdout
    again = [line for line in lines if line.startswith("RUN AGAIN")]
    assert len(again) == 2
    assert "test_fails_in_a_stall_and_passes_without" in again[0]
    assert "test_fails_in_every_stall" in again[1]
    assert "This machine stood still" in run.stdout
