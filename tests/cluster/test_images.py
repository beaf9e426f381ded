"""The images: small, without tools, for any user, with shared layers. Needs the docker that built them."""

import json
import os
import secrets
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from cluster.kube import SERVICES
from cluster.measured import Measured
from support.ports import free_port
from support.probes import http_status

_DOCKER: Final = os.environ.get("DOCKER", "docker")
_REGISTRY: Final = os.environ.get("REGISTRY", "localhost")
_TAG: Final = os.environ.get("IMAGE_TAG", "dev")
_BASE: Final = "python:3.13-slim-trixie"
_MAX_BYTES: Final = 150_000_000
"""Against growth by accident. Pictures took 37 MB of it: Pillow, and obstore for S3."""
_UNKNOWN_USER: Final = "54321:0"
IMAGES: Final = (*SERVICES, "standalone")
_CONTENT: Final = """
import json, os, shutil, sys
print(json.dumps({
    "tools": [tool for tool in ("pip", "pip3", "uv", "gcc", "make", "git") if shutil.which(tool)],
    "left over": [path for path in ("/root/.cache", "/src", "/wheels", "/var/lib/apt/lists/lock")
                  if os.path.exists(path)],
    "safe path": sys.flags.safe_path,
}))
"""


def docker(*arguments: str) -> str:
    done = subprocess.run([_DOCKER, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def docker_available() -> None:
    if shutil.which(_DOCKER) is None:
        pytest.skip(f"{_DOCKER} is not installed: check the images where they were built")


def full_name(name: str) -> str:
    return f"{_REGISTRY}/doorward/{name}:{_TAG}"


def inspected(image: str) -> dict[str, Any]:
    (found,) = json.loads(docker("image", "inspect", image))
    return dict(found)


def test_images_are_small_and_share_all_layers_but_the_code(measured: Measured) -> None:
    base = inspected(_BASE)
    images = {name: inspected(full_name(name)) for name in IMAGES}
    for name, image in images.items():
        beyond = image["Size"] - base["Size"]
        measured.note("image beyond its base, MB", name, beyond / 1e6)
        assert beyond < _MAX_BYTES, name
    own = len(base["RootFS"]["Layers"])
    shared = set.intersection(*(set(image["RootFS"]["Layers"][own:]) for image in images.values()))
    assert len(shared) >= 2, "what is removed from the base, and the dependencies"


@pytest.mark.parametrize("name", IMAGES)
def test_images_contain_no_tools_and_import_from_no_writable_folder(name: str) -> None:
    run = [
        "run",
        "--rm",
        "--network=none",
        "--user=0",
        "--entrypoint=python",
        full_name(name),
        "-c",
        _CONTENT,
    ]
    assert json.loads(docker(*run)) == {"tools": [], "left over": [], "safe path": True}


@contextmanager
def running(name: str, port: int, **env: str) -> Iterator[str]:
    """Run an image as a user without a passwd entry, who may write to /tmp only."""
    container = f"doorward-test-{uuid.uuid4().hex[:8]}"
    variables = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
    docker(
        "run",
        "--detach",
        f"--name={container}",
        "--network=host",
        f"--user={_UNKNOWN_USER}",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--health-interval=1s",
        "--env=DOORWARD_HOST=127.0.0.1",
        f"--env=DOORWARD_PORT={port}",
        *variables,
        full_name(name),
    )
    try:
        yield container
    finally:
        docker("rm", "--force", container)


@pytest.mark.parametrize("name", ["auth", "users"])
def test_images_run_as_any_user(name: str) -> None:
    port = free_port()
    env = {
        "DOORWARD_DATABASE_URL": "sqlite:////tmp/doorward.db",
        "DOORWARD_SECRET_KEY": secrets.token_urlsafe(48),
    }
    with running(name, port, **env) as container:
        deadline = time.monotonic() + 60
        while docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy":
            assert time.monotonic() < deadline, docker("logs", container)
            time.sleep(0.5)
        assert http_status(port, "/livez") == 200
