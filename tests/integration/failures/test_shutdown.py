"""SIGTERM: running requests are completed, new ones are not accepted, and the process exits with 0."""

import random
import signal
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from doorward_kit.server import GRACE_SECONDS
from integration.harness.deployment import (
    FragileDeployment,
    row_locked,
    wait_until,
    wait_until_a_row_is_waited_for,
)
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People
from support.probes import accepts, http_status
from support.services import PATIENT, Service

LOCK = "SELECT id FROM users WHERE id = %s FOR UPDATE"


def another_users(deployment: FragileDeployment, log: str, **env: str) -> Service:
    """Start another users process over the same database."""
    env = {**deployment.users.env, **PATIENT, **env}
    service = Service("users", database_url=deployment.database.url, log=deployment.folder / log, env=env)
    service.env["DOORWARD_PORT"] = str(service.port)
    return service.start()


def test_a_running_request_is_completed(deployment: FragileDeployment, people: People) -> None:
    service = another_users(deployment, "finishing.log")
    process = service._child
    assert process is not None
    headers = {"Authorization": f"Bearer {people.admin.access}"}
    with (
        row_locked(deployment.database, LOCK, uuid.UUID(people.other.id).bytes) as let_go,
        ThreadPoolExecutor(1) as threads,
    ):
        change = threads.submit(
            deployment.client.patch,
            service.url + people.other.path,
            headers=headers,
            json={"name": "Finished"},
        )
        wait_until_a_row_is_waited_for(deployment.database)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(service.port), "closed to new connections")
        time.sleep(0.5)  # longer than any timeout of the server
        assert process.poll() is None
        let_go()
        assert change.result().status_code == 200
    assert process.wait(30) == 0
    service._child = None
    stored = deployment.database.execute("SELECT name FROM users WHERE email_key = %s", people.other.email)
    assert stored == (("Finished",),)
    assert [event["event"] for event in service.log_events()][-1] == "server.stopped"


@pytest.mark.usefixtures("people")
def test_idle_service_stops_at_once(deployment: FragileDeployment) -> None:
    with httpx2.Client() as client:
        assert client.get(deployment.users.url + "/livez").status_code == 200
        # The connection stays open; the server must not wait for its keep-alive or the grace period.
        started = time.monotonic()
        assert deployment.users.stop(grace=60) == 0
        assert time.monotonic() - started < GRACE_SECONDS / 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_confirmed_write_is_lost_when_stopping_under_load(
    deployment: FragileDeployment, people: People, number: signal.Signals
) -> None:
    rejected: list[int] = []
    is_under_way = threading.Event()

    def rename() -> tuple[str, str]:
        """Return the last confirmed name and the unconfirmed one."""
        confirmed = ""
        for turn in range(10_000):
            body = {"name": f"Turn {turn}"}
            try:
                answer = deployment.call("PATCH", f"{USERS}/me", people.user.access, json=body)
            except httpx2.TransportError:
                return confirmed, body["name"]
            if answer.status == 200:
                confirmed = body["name"]
                is_under_way.set()
            else:
                rejected.append(answer.status)
        raise AssertionError("the service did not stop")

    service = deployment.users
    process = service._child
    assert process is not None
    with ThreadPoolExecutor(1) as threads:
        writer = threads.submit(rename)
        assert is_under_way.wait(30)
        time.sleep(random.uniform(0, 0.4))  # independent of its progress
        process.send_signal(number)
        assert process.wait(30) == 0
        confirmed, broken_off = writer.result()
    service._child = None
    stored = deployment.database.execute("SELECT name FROM users WHERE email_key = %s", people.user.email)
    assert rejected == []
    assert stored in (((confirmed,),), ((broken_off,),))


def test_a_draining_service_is_unready_and_still_serves(
    deployment: FragileDeployment, people: People
) -> None:
    service = another_users(deployment, "draining.log", DOORWARD_SHUTDOWN_DELAY_SECONDS="3")
    process = service._child
    assert process is not None
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: http_status(service.port, "/readyz") == 503, "unready")
    response = httpx2.get(
        f"{service.url}{USERS}/me", headers={"Authorization": f"Bearer {people.user.access}"}
    )
    assert response.status_code == 200
    assert process.wait(30) == 0
    service._child = None


def test_a_client_disconnect_during_the_body_is_not_an_error(
    deployment: FragileDeployment, people: People
) -> None:
    for service, path in ((deployment.auth, f"{AUTH}/token"), (deployment.users, USERS)):
        before = len(service.log_events())
        for announced in (b"Content-Length: 1000", b"Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
                connection.sendall(
                    b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Authorization: Bearer "
                    + people.admin.access.encode()
                    + b"\r\n"
                    + announced
                    + b"\r\n\r\n"
                    + (b'5\r\n{"ema\r\n' if b"chunked" in announced else b'{"ema')
                )
        time.sleep(0.3)
        assert http_status(service.port, "/livez") == 200
        assert [event for event in service.log_events()[before:] if event["level"] == "error"] == []
    login = {"email": people.user.email, "password": PASSWORD}
    assert deployment.call("POST", f"{AUTH}/token", json=login).status == 200
