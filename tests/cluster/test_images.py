"""The images: small, without tools, for any user, in layers that they share. Needs the docker they are in."""

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

from cluster.measured import Measured
from support.ports import free_port
from support.probes import http_status

_DOCKER: Final = os.environ.get("DOCKER", "docker")
_TAG: Final = os.environ.get("IMAGE_TAG", "dev")
_BASE: Final = "python:3.13-slim-trixie"
_MOST_BYTES: Final = 120_000_000
_SOMEBODY: Final = "54321:0"
IMAGES: Final = ("auth", "users", "tickets", "standalone")


def docker(*arguments: str) -> str:
    done = subprocess.run([_DOCKER, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def built() -> None:
    if shutil.which(_DOCKER) is None:
        pytest.skip(f"{_DOCKER} is not here: whoever built the images elsewhere checks them there")


def inspected(image: str) -> dict[str, Any]:
    (found,) = json.loads(docker("image", "inspect", image))
    return dict(found)


@pytest.mark.parametrize("name", IMAGES)
def test_it_is_small_beyond_its_base(name: str, measured: Measured) -> None:
    beyond = inspected(f"doorward/{name}:{_TAG}")["Size"] - inspected(_BASE)["Size"]
    measured.note("image beyond its base, MB", name, beyond / 1e6)
    assert beyond < _MOST_BYTES


def test_everything_but_the_code_is_one_layer_that_all_images_share() -> None:
    layers = [inspected(f"doorward/{name}:{_TAG}")["RootFS"]["Layers"] for name in IMAGES]
    own = len(inspected(_BASE)["RootFS"]["Layers"])
    shared = set.intersection(*(set(one[own:]) for one in layers))
    assert len(shared) >= 2, "the base, then what is taken out of it and the dependencies"


@pytest.mark.parametrize("name", IMAGES)
def test_nothing_that_fetches_or_builds_is_in_it(name: str) -> None:
    look = (
        "import shutil, os; print([t for t in ('pip', 'pip3', 'uv', 'gcc', 'make', 'git') if shutil.which(t)]"
    )
    look += (
        " + [p for p in ('/root/.cache', '/src', '/wheels', '/var/lib/apt/lists/lock') if os.path.exists(p)])"
    )
    run = ["run", "--rm", "--network=none", "--user=0", "--entrypoint=python", f"doorward/{name}:{_TAG}"]
    assert docker(*run, "-c", look) == "[]"


@pytest.mark.parametrize("name", IMAGES)
def test_modules_do_not_come_from_where_everybody_may_write(name: str) -> None:
    run = ["run", "--rm", "--network=none", "--entrypoint=python", f"doorward/{name}:{_TAG}"]
    assert docker(*run, "-c", "import sys; print(sys.flags.safe_path)") == "True"


@contextmanager
def running(name: str, port: int, **env: str) -> Iterator[str]:
    """Run an image as somebody who is in no passwd file, with nothing to write to but /tmp."""
    container = f"doorward-test-{uuid.uuid4().hex[:8]}"
    given = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
    docker(
        "run",
        "--detach",
        f"--name={container}",
        "--network=host",
        f"--user={_SOMEBODY}",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--env=DOORWARD_HOST=127.0.0.1",
        f"--env=DOORWARD_PORT={port}",
        *given,
        f"doorward/{name}:{_TAG}",
    )
    try:
        yield container
    finally:
        docker("rm", "--force", container)


@pytest.mark.parametrize("name", ["auth", "users"])
def test_it_is_healthy_whoever_it_runs_as(name: str) -> None:
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
