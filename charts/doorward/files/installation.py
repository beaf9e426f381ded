"""`helm test`: is every service ready, and can the administrator log in and read? The standard library alone."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PREFIX = os.environ["SERVICE_PREFIX"]
SERVICES = os.environ["SERVICES"].split(",")
WAIT_SECONDS = 120


def call(service, path, *, body=None, token=None):
    """Return the status and the text of an answer."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{PREFIX}{service}:8000{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def expect(what, status, answer):
    """Say what was seen, and stop at the first thing that is not as it should be."""
    found, text = answer
    print(f"{'ok  ' if found == status else 'FAIL'} {what}: {found}")
    if found != status:
        print(text[:500])
        sys.exit(1)
    return text


def wait_until_ready(service):
    """Give a service that has just been installed its time."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (answer := call(service, "/readyz"))[0] != 200 and time.monotonic() < deadline:
        time.sleep(1)
    expect(f"{service} is ready", 200, answer)


def main():
    """Check the services, and with an administrator the way through them."""
    for service in SERVICES:
        wait_until_ready(service)
    for service, path in {"auth": "/auth/me", "users": "/users/me", "tickets": "/tickets"}.items():
        if service in SERVICES:
            expect(f"{service} refuses who has no token", 401, call(service, f"/api/v1{path}"))
    if "ADMIN_EMAIL" not in os.environ:
        return
    password = Path(os.environ["ADMIN_PASSWORD_FILE"]).read_text(encoding="utf-8").rstrip("\n")
    login = {"email": os.environ["ADMIN_EMAIL"], "password": password}
    status, text = call("auth", "/api/v1/auth/token", body=login)
    if status == 401:
        print("skip the administrator's password is no longer the one that the release was installed with")
        return
    token = json.loads(expect("the administrator logs in", 200, (status, text)))["access_token"]
    expect("users knows the administrator", 200, call("users", "/api/v1/users/me", token=token))
    if "tickets" in SERVICES:
        expect("tickets lets the administrator read", 200, call("tickets", "/api/v1/tickets", token=token))
    expect("the session ends", 204, call("auth", "/api/v1/auth/logout", body={}, token=token))


if __name__ == "__main__":
    main()
