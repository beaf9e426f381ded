"""Logs are JSON lines with the request id and without secrets."""

import json
import re
import socket
import uuid
from typing import Any

import pytest

from integration.harness.deployment import Deployment, wait_until
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People, new_user
from integration.harness.problems import assert_problem
from support.services import Service

PLAIN = re.compile(r"[\x20-\x7e\u0080-\U0010ffff]*")


def lines_of(service: Service) -> list[dict[str, Any]]:
    """Parse every line; a line that is not JSON fails the test."""
    return [json.loads(line) for line in service.log_text().splitlines()]


def lines_about(service: Service, request_id: str) -> list[dict[str, Any]]:
    wait_until(
        lambda: any(
            line["event"] == "http.request" and line["request_id"] == request_id for line in lines_of(service)
        ),
        "logged",
    )
    return [line for line in lines_of(service) if line["request_id"] == request_id]


def test_every_line_of_a_request_has_its_id(deployment: Deployment, people: People) -> None:
    admin = people.admin.access
    login = {"email": people.user.email, "password": PASSWORD}
    cases: list[tuple[str, str, str | None, Any, set[str]]] = [
        ("POST", f"{AUTH}/token", None, login, {"login.succeeded"}),
        ("POST", f"{AUTH}/token", None, {**login, "password": "wrong"}, {"login.failed"}),
        ("POST", f"{AUTH}/refresh-token", None, {"refresh_token": "dwr_" + "A" * 64}, {"refresh.rejected"}),
        ("POST", f"{AUTH}/logout", people.user.access, None, {"logout"}),
        ("GET", f"{AUTH}/me", "garbage", None, {"token.rejected"}),
        ("POST", USERS, admin, new_user(), {"user.created"}),
        ("PATCH", people.other.path, admin, {"name": "New"}, {"user.updated"}),
        ("DELETE", people.other.path, admin, None, {"user.deleted"}),
        ("GET", USERS, admin, None, set()),
        ("GET", "/api/v1/users/nothing/here", admin, None, set()),
    ]
    for method, path, token, body, events in cases:
        request_id = uuid.uuid4().hex
        headers = {
            "X-Request-ID": request_id,
            **({} if token is None else {"Authorization": f"Bearer {token}"}),
        }
        service = deployment.auth if path.startswith(AUTH) else deployment.users
        response = deployment.client.request(method, service.url + path, json=body, headers=headers)
        assert response.headers["x-request-id"] == request_id
        if response.status_code >= 400:
            assert assert_problem(response, response.status_code)["request_id"] == request_id
        logged = lines_about(service, request_id)
        assert {line["event"] for line in logged} == {*events, "http.request"}
        assert logged[-1]["status"] == response.status_code


@pytest.mark.usefixtures("people")
def test_every_line_is_json_with_the_same_members(deployment: Deployment) -> None:
    hostile = b'GET /\x1b[31m"},{"event":"forged"}\r\n\r\n'
    for service in deployment.services:
        for raw in (hostile, b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 10):
            with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
                connection.sendall(raw)
        deployment.client.get(
            service.url + '/%0d%0a{"event":"forged"}', headers={"User-Agent": '"},{"event":"x'}
        )
        lines = lines_of(service)
        assert len(lines) > 3
        for line in lines:
            assert {"event", "level", "timestamp", "request_id"} <= line.keys()
            assert line["event"] != "forged"
            assert PLAIN.fullmatch(line["event"])


def test_no_line_contains_a_secret_or_a_query(deployment: Deployment, people: People) -> None:
    secret = "the password that no log may hold"
    body = new_user(password=secret)
    deployment.call("POST", USERS, people.admin.access, json=body)
    deployment.call("POST", f"{AUTH}/token", json={"email": body["email"], "password": secret})
    deployment.call("POST", f"{AUTH}/token", json={"email": body["email"], "password": secret + "!"})
    deployment.call("POST", f"{AUTH}/token", data={"username": body["email"], "password": secret})
    deployment.call("POST", f"{AUTH}/token", json={"email": body["email"], "password": [secret], secret: 1})
    deployment.call("POST", f"{AUTH}/refresh-token", json={"refresh_token": people.user.refresh})
    deployment.call("PATCH", people.other.path, people.admin.access, json={"password": secret})
    deployment.call(
        "GET", f"{USERS}?q=search-for-somebody&access_token={people.user.access}", people.user.access
    )
    deployment.call("GET", f"{USERS}/me", people.user.access + "x")
    text = deployment.auth.log_text() + deployment.users.log_text()
    for unwanted in (
        secret,
        PASSWORD,
        people.user.access,
        people.user.refresh,
        "search-for-somebody",
        "$argon2",
        "Bearer",
        body["email"],
    ):
        assert unwanted not in text


def test_probes_and_scrapes_are_not_logged(deployment: Deployment) -> None:
    request_id = uuid.uuid4().hex
    headers = {"X-Request-ID": request_id}
    for path in ("/livez", "/readyz", "/metrics"):
        deployment.client.get(deployment.users.url + path, headers=headers)
    deployment.client.get(deployment.users.url + USERS, headers=headers)
    assert [line["route"] for line in lines_about(deployment.users, request_id)] == [USERS]


@pytest.mark.parametrize("name", ["auth", "users"])
def test_a_service_says_once_which_build_of_argon2_it_uses(deployment: Deployment, name: str) -> None:
    service: Service = getattr(deployment, name)
    [line] = [one for one in lines_of(service) if one["event"] == "argon2.build_chosen"]
    assert line["build"] in {"baseline", "x86-64-v3"}
