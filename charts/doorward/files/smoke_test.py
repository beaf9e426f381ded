"""`helm test`: every service is ready, and the administrator can log in and read.

Runs in the standalone image. Standard library only.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

PREFIX = os.environ["SERVICE_PREFIX"]
SERVICES = os.environ["SERVICES"].split(",")
ENDPOINTS = {"auth": "/api/v1/auth/me", "users": "/api/v1/users/me", "tickets": "/api/v1/tickets"}
WAIT_SECONDS = 120
TEMPORARY = "password_change_required"


class Response(NamedTuple):
    """A status (0 without a response) and a body."""

    status: int
    body: str


def call(service: str, path: str, *, body: object = None, token: str | None = None) -> Response:
    """Send a POST with a body, a GET without one."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{PREFIX}{service}:8000{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Response(response.status, response.read().decode())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.read().decode())
    except OSError as error:
        return Response(0, str(error))


def expect(what: str, status: HTTPStatus, response: Response) -> str:
    """Print the result; exit at the first unexpected status."""
    print(f"{'ok  ' if response.status == status else 'FAIL'} {what}: {response.status}")
    if response.status != status:
        print(response.body[:500])
        sys.exit(1)
    return response.body


def wait_until_ready(service: str) -> None:
    """Wait for a service that was just installed."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (response := call(service, "/readyz")).status != HTTPStatus.OK and time.monotonic() < deadline:
        time.sleep(1)
    expect(f"{service} is ready", HTTPStatus.OK, response)


def main() -> None:
    """Check each service, then log in as the administrator."""
    for service in SERVICES:
        wait_until_ready(service)
    for service in SERVICES:
        response = call(service, ENDPOINTS[service])
        expect(f"{service} rejects a request without a token", HTTPStatus.UNAUTHORIZED, response)
    if "ADMIN_EMAIL" not in os.environ:
        return
    password = Path(os.environ["ADMIN_PASSWORD_FILE"]).read_text(encoding="utf-8").removesuffix("\n")
    login = {"email": os.environ["ADMIN_EMAIL"], "password": password}
    response = call("auth", "/api/v1/auth/token", body=login)
    if response.status == HTTPStatus.UNAUTHORIZED:
        print("skipped: the administrator's password was changed after the installation")
        return
    if response.status == HTTPStatus.FORBIDDEN and json.loads(response.body)["code"] == TEMPORARY:
        print("ok   the administrator's password is right, and temporary: the rest is skipped")
        return
    tokens = json.loads(expect("the administrator logs in", HTTPStatus.OK, response))
    for service in SERVICES:
        response = call(service, ENDPOINTS[service], token=tokens["access_token"])
        expect(f"{service} answers the administrator", HTTPStatus.OK, response)
    response = call("auth", "/api/v1/auth/logout", body={}, token=tokens["access_token"])
    expect("the session ends", HTTPStatus.NO_CONTENT, response)


if __name__ == "__main__":
    main()
