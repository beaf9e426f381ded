"""The runner with locust behind it, against a real process: it judges, reports, and leaves nobody behind."""

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
    """Everything in one process, with tokens that live so short that they are renewed in a few seconds."""
    need_package("locust")
    with Standalone(
        tmp_path_factory.mktemp("load"),
        DOORWARD_ADMIN_EMAIL=ADMIN.email,
        DOORWARD_ADMIN_PASSWORD=ADMIN.password,
        DOORWARD_ACCESS_TOKEN_SECONDS="5",
    ) as process:
        yield process


def started(standalone: Standalone, report: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start a small run as `make cluster-load` does."""
    settings: Mapping[str, str] = {
        "PYTHONPATH": str(LOADTEST),
        "BASE_URL": standalone.url,
        "ADMIN_EMAIL": ADMIN.email,
        "ADMIN_PASSWORD": ADMIN.password,
        "USERS": "30",
        "SPAWN_RATE": "30",
        "PEOPLE": "8",
        "RUN_TIME": "10s",
        "REPORT": str(report),
        # The machine of a test may be slow; what is judged here is that it is judged.
        "THRESHOLDS": "p95=20000 refused=0.5",
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


def everybody(standalone: Standalone) -> list[str]:
    with Client(standalone.url).login_as(ADMIN) as client:
        return [user["email"] for user in client.get(USERS, params={"limit": "200"}).json()["items"]]


def test_the_mix_passes_writes_its_report_and_removes_its_people(
    standalone: Standalone, tmp_path: Path
) -> None:
    report = tmp_path / "reports" / "load.html"
    with started(standalone, report) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    assert "load: PASSED" in said
    assert "load: removed 8 people" in said
    assert "Traceback" not in said
    for route in (
        r"POST +/api/v1/auth/token",
        r"POST +/api/v1/auth/refresh-token",
        r"GET +/api/v1/users/me",
        r"\w+ +/api/v1/tickets\S*",
    ):
        assert re.search(rf"^{route} +\d+ +0\(0\.00%\)", said, re.MULTILINE), f"{route}\n{said}"
    assert "/api/v1/users/me" in report.read_text(encoding="utf-8")
    assert everybody(standalone) == [ADMIN.email]
    assert "Traceback" not in standalone.log_text()


def test_a_threshold_that_does_not_hold_fails_the_run(standalone: Standalone, tmp_path: Path) -> None:
    rule = "POST /api/v1/auth/token p95=0"
    with started(standalone, tmp_path / "load.html", "--threshold", rule, RUN_TIME="3s") as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, said
    assert re.search(r"^load: POST /api/v1/auth/token: p95 \d+ ms, allowed 0 ms$", said, re.MULTILINE), said
    assert "load: FAILED" in said
    assert (tmp_path / "load.html").exists()
    assert everybody(standalone) == [ADMIN.email]


def test_whoever_stops_it_leaves_nobody_behind(standalone: Standalone, tmp_path: Path) -> None:
    with started(standalone, tmp_path / "load.html", RUN_TIME="5m") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "All users spawned" in line:
                break
        assert len(everybody(standalone)) == 9
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    assert "load: removed 8 people" in said
    assert everybody(standalone) == [ADMIN.email]


def test_people_of_a_killed_run_are_removed_later_and_nobody_else(
    standalone: Standalone, tmp_path: Path
) -> None:
    real = {"email": "load-balancer@example.com", "name": "Load Balancer"}
    left = {
        "email": "load-0a1b2c3d-0@example.com",
        "name": "Load test 0a1b2c3d 0",
        "password": "left behind 7",
    }
    with Client(standalone.url).login_as(ADMIN) as client:
        assert client.post(USERS, json=left).status_code == 201
        kept = client.post(USERS, json=real)
        with started(standalone, tmp_path / "load.html", "--clean") as process:
            said, _ = process.communicate(timeout=SECONDS)
        assert (process.returncode, said) == (0, "load: removed 1 people of earlier runs\n")
        assert sorted(everybody(standalone)) == [ADMIN.email, real["email"]]
        assert client.delete(f"{USERS}/{kept.json()['id']}").status_code == 204


@pytest.mark.parametrize(
    ("arguments", "env", "reason"),
    [
        ([], {"ADMIN_PASSWORD": ""}, "ADMIN_PASSWORD is not set"),
        ([], {"ADMIN_PASSWORD": "wrong"}, "could not sign in at .*: 401 invalid_credentials"),
        ([], {"THRESHOLDS": "p95"}, "a threshold looks like"),
        (["--clean"], {"BASE_URL": "http://127.0.0.1:9"}, "could not sign in at .*: no answer: .*refused"),
        (["--clean"], {"CA_FILE": "/nowhere.pem"}, "CA_FILE=/nowhere.pem cannot be used: "),
    ],
)
def test_it_says_in_a_line_why_it_cannot_run(
    standalone: Standalone, tmp_path: Path, arguments: list[str], env: dict[str, str], reason: str
) -> None:
    with started(standalone, tmp_path / "load.html", *arguments, **env) as process:
        said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, said
    assert re.search(f"^load: .*{reason}", said, re.MULTILINE), said
    assert "Traceback" not in said
    assert "load: PASSED" not in said
