"""The servers that tests need: finding them, and failing or skipping without them.

With CI=true a missing server is a failure, because no check may be skipped silently. On a developer's
machine it is a skip that names the package to install.
"""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pytest

from support.processes import search_path

DATABASE_URL_VARIABLE: Final = "DOORWARD_TEST_DATABASE_URL"
MYSQL_VARIABLE: Final = "DOORWARD_TEST_MYSQL"
_INSTALL_HINT: Final = "tests/support/install_servers.sh installs them on Debian and Ubuntu"


@dataclass(frozen=True)
class Program:
    """An external program: its binary and the Debian package that has it."""

    binary: str
    package: str


MARIADBD: Final = Program("mariadbd", "mariadb-server")
MARIADB_CLIENT: Final = Program("mariadb", "mariadb-client")
MARIADB_INSTALL_DB: Final = Program("mariadb-install-db", "mariadb-server")
HAPROXY: Final = Program("haproxy", "haproxy")
NGINX: Final = Program("nginx", "nginx-light")
CHROMIUM: Final = Program("chromium", "chromium")


def find(program: Program) -> Path | None:
    """Return the path of the program, or None."""
    found = shutil.which(program.binary, path=search_path())
    return Path(found) if found else None


def need(program: Program) -> Path:
    """Return the path of the program; without it the test fails (CI) or is skipped (elsewhere)."""
    found = find(program)
    if found is None:
        fail_or_skip(f"{program.binary} is not installed (package {program.package}); {_INSTALL_HINT}")
    return found


def need_package(name: str) -> None:
    """Without the Python package the test fails (CI) or is skipped (elsewhere)."""
    if importlib.util.find_spec(name) is None:
        fail_or_skip(f"the Python package {name} is not installed in this environment; `make install`")


def external_database_url() -> str | None:
    """The database server that the caller provides instead of a private MariaDB, if any."""
    return os.environ.get(DATABASE_URL_VARIABLE) or None


def mysql_root() -> Path | None:
    """Return the folder of the MySQL that private servers are to be, if any; `make mysql-test` names it."""
    root = os.environ.get(MYSQL_VARIABLE)
    return Path(root) if root else None


def need_private_database() -> None:
    """Skip a test that must kill, freeze or reconfigure its database server."""
    if external_database_url() is not None:
        pytest.skip(
            f"{DATABASE_URL_VARIABLE} names a server that is not ours to kill or reconfigure: "
            "unset it to run this test with a private server"
        )


def is_ci() -> bool:
    """Whether every check must run."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def fail_or_skip(reason: str) -> NoReturn:
    """Fail the test in CI, and skip it with a reason elsewhere."""
    if is_ci():
        pytest.fail(f"required under CI: {reason}", pytrace=False)
    pytest.skip(reason)
