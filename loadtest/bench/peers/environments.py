"""Environments of the peers that are Python packages, each with a lock of its own."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.report import progress
from support.cache import cache_folder

_UV: Final = Path(sys.executable).with_name("uv")
_MADE: Final = ".made"


class UnavailableError(RuntimeError):
    """A peer cannot be measured on this machine."""


def python_of(package: str) -> Path:
    """Return the Python of a package next to this module, with its locked libraries.

    Raises UnavailableError when they cannot be installed.
    """
    lock = Path(__file__).with_name(package) / "requirements.lock"
    folder = cache_folder() / _name(package, lock.read_bytes())
    if not (folder / _MADE).exists():
        progress(f"installing the libraries of {package} (the first time only) ...")
        _install(folder, lock)
    return folder / "bin" / "python"


def _name(package: str, lock: bytes) -> str:
    """Name the environment after all that it is made from."""
    digest = hashlib.sha256(lock + sys.version.encode()).hexdigest()
    return f"bench-{package}-{digest[:12]}"


def _install(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of an installation that was interrupted
    folder.parent.mkdir(parents=True, exist_ok=True)
    commands: list[list[str | Path]] = [
        [_UV, "venv", "--quiet", "--python", sys.executable, folder],
        [
            *(_UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python"),
            *("--require-hashes", "-r", lock),
        ],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir())
        if done.returncode != 0:
            raise UnavailableError(f"uv cannot install {lock}: {done.stderr[-1_000:]}")
    (folder / _MADE).touch()
