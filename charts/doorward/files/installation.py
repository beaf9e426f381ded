"""`helm test`: is every service ready, and can the administrator log in and read?

It runs in a pod with the image of the commands, and uses the standard library alone.
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


class Answer(NamedTuple):
    """A status, 0 without an answer, and a text."""

    status: int
    text: str


def call(service: str, path: str, *, body: object = None, token: str | None = None) -> Answer:
    """Send one request: with a body a POST, and else a GET."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{PREFIX}{service}:8000{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return Answer(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode())
    except OSError as error:
        return Answer(0, str(error))


def expect(what: str, status: HTTPStatus, answer: Answer) -> str:
    """Say what was seen, and stop at the first thing that is not as it should be."""
    print(f"{'ok  ' if answer.status == status else 'FAIL'} {what}: {answer.status}")
    if answer.status != status:
        print(answer.text[:500])
        sys.exit(1)
    return answer.text


def wait_until_ready(service: str) -> None:
    """Give a service that has just been installed its time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (answer := call(service, "/readyz")).status != HTTPStatus.OK and time.monotonic() < deadline:
        time.sleep(1)
    expect(f"{service} is ready", HTTPStatus.OK, answer)


def main() -> None:
    """Check the services, and with an administrator the way through them."""
    for service in SERVICES:
        wait_until_ready(service)
    for service in SERVICES:
        answer = call(service, ENDPOINTS[service])
        expect(f"{service} refuses who has no token", HTTPStatus.UNAUTHORIZED, answer)
    if "ADMIN_EMAIL" not in os.environ:
        return
    password = Path(os.environ["ADMIN_PASSWORD_FILE"]).read_text(encoding="utf-8").removesuffix("\n")
    login = {"email": os.environ["ADMIN_EMAIL"], "password": password}
    answer = call("auth", "/api/v1/auth/token", body=login)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        print("skip the rest: the administrator's password is another than at the installation")
        return
    tokens = json.loads(expect("the administrator logs in", HTTPStatus.OK, answer))
    for service in SERVICES:
        answer = call(service, ENDPOINTS[service], token=tokens["access_token"])
        expect(f"{service} lets the administrator read", HTTPStatus.OK, answer)
    answer = call("auth", "/api/v1/auth/logout", body={}, token=tokens["access_token"])
    expect("the session ends", HTTPStatus.NO_CONTENT, answer)


if __name__ == "__main__":
    main()
