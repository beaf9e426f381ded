"""What `make audit` makes of the answers about pinned packages."""

import subprocess

import pytest

from audit.__main__ import main

SAFE = '{"dependencies": [{"name": "one", "version": "1.0", "vulns": []}]}'
VULNERABLE = (
    '{"dependencies": [{"name": "one", "version": "1.0", "vulns":'
    ' [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}]}]}'
)
UNKNOWN = '{"dependencies": [{"name": "one", "skip_reason": "not found"}]}'


@pytest.mark.parametrize(
    ("report", "status", "said"),
    [
        (SAFE, 0, "no known vulnerabilities in 1 pinned packages"),
        (VULNERABLE, 1, "some.lock: one 1.0: PYSEC-1, fixed in 1.1"),
        (UNKNOWN, 0, "*** NOT RUN: advisories about 1 packages could not be read, of one: not found"),
        ("", 0, "*** NOT RUN: advisories about 1 packages could not be read, of some.lock: ReadTimeout"),
    ],
)
def test_vulnerable_packages_fail_and_unreachable_advisories_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], report: str, status: int, said: str
) -> None:
    done = subprocess.CompletedProcess([], 0, report, "Traceback\nReadTimeout\n")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: done)
    assert main(["some.lock"]) == status
    assert said in "".join(capsys.readouterr())


def test_a_failure_that_is_not_the_networks_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 2, "", "unrecognized arguments")
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: done)
    with pytest.raises(RuntimeError, match="pip-audit failed: unrecognized arguments"):
        main(["some.lock"])
