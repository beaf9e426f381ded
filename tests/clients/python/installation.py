"""What the programs here have in common: where Doorward is, accounts, a rotation of its keys, a browser."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from importlib import metadata
from typing import Any, Final

URL: Final = os.environ["DOORWARD_URL"]
AUTH: Final = f"{URL}/api/v1/auth"
EMAIL: Final = os.environ["DOORWARD_EMAIL"]
PASSWORD: Final = os.environ["DOORWARD_PASSWORD"]
SERVICE_ID: Final = os.environ["DOORWARD_SERVICE_ID"]
SERVICE_SECRET: Final = os.environ["DOORWARD_SERVICE_SECRET"]
CLIENT_ID: Final = os.environ["DOORWARD_CLIENT_ID"]
CLIENT_SECRET: Final = os.environ["DOORWARD_CLIENT_SECRET"]
APPLICATION: Final = os.environ["DOORWARD_APPLICATION"]
AUDIENCE: Final = "doorward"


def log_in() -> dict[str, Any]:
    """Get a pair of tokens without any library."""
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(f"{AUTH}/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        pair: dict[str, Any] = json.load(response)
    return pair


def rotate_keys(key_id_of: Callable[[str], str]) -> str:
    """Let a new key sign from now on, while the server runs; return an access token of the new key."""
    before = key_id_of(log_in()["access_token"])
    subprocess.run(json.loads(os.environ["DOORWARD_ROTATE"]), check=True, stdout=sys.stderr)
    deadline = time.monotonic() + 60
    while True:
        token: str = log_in()["access_token"]
        if key_id_of(token) != before:
            return token
        assert time.monotonic() < deadline, "the new key does not sign"
        time.sleep(0.1)


def visit(url: str) -> str:
    """Let a person open an address in a browser; return where in the application the browser ends."""
    command = [*json.loads(os.environ["DOORWARD_VISIT"]), url]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def report(package: str, *did: str) -> None:
    """Print what a library did, and its version."""
    print(json.dumps({"client": package, "version": metadata.version(package), "did": did}))
