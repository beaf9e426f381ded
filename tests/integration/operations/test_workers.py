"""API_WORKERS of the older server is ignored, and logged if it is set to more than one."""

import json
from pathlib import Path

import pytest

from support.probes import http_status
from support.processes import Process
from support.services import Service, ServiceName
from support.standalone import Standalone

ELSEWHERE = {
    "DOORWARD_AUTH_URL": "http://127.0.0.1:9/api/v1/auth",
    "DOORWARD_USERS_URL": "http://127.0.0.1:9/api/v1/users",
    "DOORWARD_CLIENT_ID": "tickets",
    "DOORWARD_CLIENT_SECRET": "a-secret-of-tickets-with-32-bytes",
}


def process_of(name: ServiceName | None, folder: Path, workers: str) -> Process:
    if name is None:
        return Standalone(folder, API_WORKERS=workers)
    env = {"API_WORKERS": workers, **(ELSEWHERE if name == "tickets" else {})}
    service = Service(name, database_url="sqlite://", log=folder / "log", env=env)
    service._ready = lambda: http_status(service.port, "/livez") == 200  # no schema is needed
    return service


@pytest.mark.parametrize("name", ["auth", "users", "tickets", None])
def test_more_than_one_worker_is_logged_as_ignored(name: ServiceName | None, tmp_path: Path) -> None:
    with process_of(name, tmp_path, "4") as process:
        lines = process.log_text().splitlines()
    (line,) = [json.loads(line) for line in lines if "API_WORKERS" in line]
    assert (line["event"], line["level"], line["api_workers"]) == ("config.api_workers_ignored", "warning", 4)
    assert "replicas" in line["hint"]


def test_one_worker_is_not_logged(tmp_path: Path) -> None:
    with process_of("users", tmp_path, "1") as process:
        assert "API_WORKERS" not in process.log_text()
