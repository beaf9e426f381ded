"""The README of the example does what it says, command by command."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from integration.remote.own_service import EXAMPLE
from support.ports import free_port
from support.probes import http_status
from support.processes import Process, inherited_environment
from support.requirements import Program, need

README = (EXAMPLE / "README.md").read_text(encoding="utf-8")
DOORWARD, SERVICE, VISIT = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


class Terminal(Process):
    """A shell that runs one block of the README in a copy of the repository's root."""

    def __init__(self, name: str, block: str, folder: Path, port: int) -> None:
        super().__init__(
            name,
            # The program takes the shell's place, so that what stops the one stops the other.
            ["sh", "-euc", f"cd {folder}\n{block}"],
            log=folder / f"{name}.log",
            ready=lambda: http_status(port, "/readyz") == 200,
        )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository's root, with nothing in var/."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "docs").symlink_to(EXAMPLE.parents[1])
    (folder / ".venv" / "bin").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def ports() -> Mapping[str, str]:
    """Free ones for those that the README names."""
    return {"8080": str(free_port()), "8100": str(free_port())}


def adapted(block: str, ports: Mapping[str, str]) -> str:
    """Take other ports, and for `make run` what it runs once everything is installed."""
    for written, free in ports.items():
        block = block.replace(written, free)
    run = f"DOORWARD_PORT={ports['8080']} exec {sys.executable} -m doorward serve"
    block = re.sub(r"^(DOORWARD_ADMIN_PASSWORD='[^']*') make run$", rf"\1 {run}", block, flags=re.MULTILINE)
    return re.sub(r"^\.venv/bin/uvicorn", f"exec {sys.executable} -m uvicorn", block, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def running(root: Path, ports: Mapping[str, str]) -> Iterator[None]:
    for program in ("openssl", "curl"):
        need(Program(program, program))
    with (
        Terminal("doorward", adapted(DOORWARD, ports), root, int(ports["8080"])),
        Terminal("service", adapted(SERVICE, ports), root, int(ports["8100"])),
    ):
        yield


@pytest.mark.usefixtures("running")
def test_the_commands_of_the_readme_work(root: Path, ports: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-euc", adapted(VISIT, ports)],
        cwd=root,
        env=inherited_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    anonymous, reader, deleted, gone = done.stdout.splitlines()
    assert '"code":"not_authenticated"' in anonymous
    assert '"role":"admin"' in reader
    assert '"deleted":7' in deleted
    assert '"code":"invalid_token"' in gone


def test_the_tests_start_the_service_as_in_the_readme() -> None:
    assert ".venv/bin/uvicorn --app-dir docs/examples/own_service app:app --port 8100\n" in SERVICE
    for variable in ("DOORWARD_AUTH_URL", "DOORWARD_CLIENT_ID", "DOORWARD_CLIENT_SECRET_FILE"):
        assert f"{variable}=" in SERVICE
