"""Runs of locust against a real process: thresholds, report, and removal of the accounts."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from support.client import USERS, Client
from support.requirements import need_package
from support.services import Admin
from support.standalone import Standalone

ADMIN: Final = Admin()
LOADTEST: Final = Path(__file__).parents[3] / "loadtest"
SECONDS: Final = 240


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """All services in one process; tokens expire within the run."""
    need_package("locust")
    with Standalone(
        tmp_path_factory.mktemp("load"),
        DOORWARD_ADMIN_EMAIL=ADMIN.email,
        DOORWARD_ADMIN_PASSWORD=ADMIN.password,
        DOORWARD_ACCESS_TOKEN_SECONDS="5",
    ) as process:
        yield process


def start_run(standalone: Standalone, report: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start a small run, as `make cluster-load` does."""
    settings: Mapping[str, str] = {
        "PYTHONPATH": str(LOADTEST),
        "BASE_URL": standalone.url,
        "ADMIN_EMAIL": ADMIN.email,
        "ADMIN_PASSWORD": ADMIN.password,
        "USERS": "30",
        "SPAWN_RATE": "30",
        "ACCOUNTS": "8",
        "RUN_TIME": "10s",
        "REPORT": str(report),
        # Generous, because the test machine may be slow.
        "THRESHOLDS": "p95=20000 rejected=0.5",
        **env,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "load", *arguments],
        env={**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def user_emails(standalone: Standalone) -> list[str]:
    with Client(standalone.url).login_as(ADMIN) as client:
        return [user["email"] for user in client.get(USERS, params={"limit": "200"}).json()["items"]]


def test_the_mix_passes_writes_its_report_and_removes_its_accounts(
    standalone: Standalone, tmp_path: Path
) -> None:
    report = tmp_path / "reports" / "load.html"
    with start_run(standalone, report) as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    assert "load: PASSED" in output
    assert "load: removed 8 accounts" in output
    assert "Traceback" not in output
    for route in (
        r"POST +/api/v1/auth/token",
        r"POST +/api/v1/auth/refresh-token",
        r"GET +/api/v1/users/me",
        r"\w+ +/api/v1/tickets\S*",
    ):
        assert re.search(rf"^{route} +\d+ +0\(0\.00%\)", output, re.MULTILINE), f"{route}\n{output}"
    assert "/api/v1/users/me" in report.read_text(encoding="utf-8")
    assert user_emails(standalone) == [ADMIN.email]
    assert "Traceback" not in standalone.log_text()


def test_a_violated_threshold_fails_the_run(standalone: Standalone, tmp_path: Path) -> None:
    rule = "POST /api/v1/auth/token p95=0"
    with start_run(standalone, tmp_path / "load.html", "--threshold", rule, RUN_TIME="3s") as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, output
    assert re.search(r"^load: POST /api/v1/auth/token: p95 \d+ ms, allowed 0 ms$", output, re.MULTILINE), (
        output
    )
    assert "load: FAILED" in output
    assert (tmp_path / "load.html").exists()
    assert user_emails(standalone) == [ADMIN.email]


def test_sigterm_removes_the_accounts(standalone: Standalone, tmp_path: Path) -> None:
    with start_run(standalone, tmp_path / "load.html", RUN_TIME="5m") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "All users spawned" in line:
                break
        assert len(user_emails(standalone)) == 9
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, output
    assert "load: removed 8 accounts" in output
    assert user_emails(standalone) == [ADMIN.email]


def test_clean_removes_accounts_of_killed_runs_and_no_others(standalone: Standalone, tmp_path: Path) -> None:
    real = {"email": "load-balancer@example.com", "name": "Load Balancer"}
    left = {
        "email": "load-0a1b2c3d-0@example.com",
        "name": "Load test 0a1b2c3d 0",
        "password": "left behind 7",
    }
    with Client(standalone.url).login_as(ADMIN) as client:
        assert client.post(USERS, json=left).status_code == 201
        kept = client.post(USERS, json=real)
        with start_run(standalone, tmp_path / "load.html", "--clean") as process:
            output, _ = process.communicate(timeout=SECONDS)
        assert (process.returncode, output) == (0, "load: removed 1 accounts of earlier runs\n")
        assert sorted(user_emails(standalone)) == [ADMIN.email, real["email"]]
        assert client.delete(f"{USERS}/{kept.json()['id']}").status_code == 204


@pytest.mark.parametrize(
    ("arguments", "env", "reason"),
    [
        ([], {"ADMIN_PASSWORD": ""}, "ADMIN_PASSWORD is not set"),
        ([], {"ADMIN_PASSWORD": "wrong"}, "could not log in at .*: 401 invalid_credentials"),
        ([], {"THRESHOLDS": "p95"}, "a threshold looks like"),
        (["--clean"], {"BASE_URL": "http://127.0.0.1:9"}, "could not log in at .*: no response: .*refused"),
        (["--clean"], {"CA_FILE": "/nowhere.pem"}, "CA_FILE=/nowhere.pem cannot be used: "),
    ],
)
def test_an_unusable_run_ends_with_a_one_line_reason(
    standalone: Standalone, tmp_path: Path, arguments: list[str], env: dict[str, str], reason: str
) -> None:
    with start_run(standalone, tmp_path / "load.html", *arguments, **env) as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, output
    assert re.search(f"^load: .*{reason}", output, re.MULTILINE), output
    assert "Traceback" not in output
    assert "load: PASSED" not in output
