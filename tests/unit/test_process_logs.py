"""A test that waits for a log line does not take that of an earlier test for it."""

from pathlib import Path

import pytest

from support.processes import Process, ProcessError


def test_lines_from_before_a_position_are_not_found(tmp_path: Path) -> None:
    log = tmp_path / "process.log"
    process = Process("process", ["true"], log=log, ready=lambda: True)
    assert process.log_position() == 0
    log.write_text("größer: sync_failed\n", encoding="utf-8")
    start = process.log_position()
    assert process.wait_for_log("sync_failed") == ["größer: sync_failed"]
    with pytest.raises(ProcessError, match="did not log 'sync_failed'"):
        process.wait_for_log("sync_failed", timeout=0.01, start=start)
    with log.open("a", encoding="utf-8") as stream:
        stream.write("later: sync_failed\n")
    assert process.wait_for_log("sync_failed", start=start) == ["later: sync_failed"]
