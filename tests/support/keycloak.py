"""A Keycloak of the distribution that install_keycloak.sh has downloaded, with one realm."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from support.cache import cache_folder
from support.ports import free_port
from support.probes import http_status
from support.processes import Process
from support.requirements import fail_or_skip

VERSION: Final = "26.7.3"
_USERS_PER_FILE: Final = 500
INSTALL: Final = Path(__file__).with_name("install_keycloak.sh")


class KeycloakProcess(Process):
    """Runs from a copy of the distribution, because Keycloak writes into its folder."""

    def __init__(
        self,
        folder: Path,
        realm: Mapping[str, Any],
        start: Sequence[str],
        *,
        env: Mapping[str, str],
        home: Path | None = None,
    ) -> None:
        """Prepare it; `start` is the command of kc.sh, and `realm` is imported at the first start.

        `home` is another folder to copy than that of the distribution.
        """
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/realms/{realm['realm']}"
        copy = folder / "keycloak"
        copy_home(home or distribution(), copy)
        imports = copy / "data" / "import"
        imports.mkdir(parents=True)
        for name, content in import_files(realm).items():
            (imports / name).write_text(json.dumps(content), encoding="utf-8")
        discovery = f"/realms/{realm['realm']}/.well-known/openid-configuration"
        super().__init__(
            "keycloak",
            [
                copy / "bin" / "kc.sh",
                *(*start, "--import-realm", f"--http-port={self.port}", "--http-host=127.0.0.1"),
            ],
            log=folder / "keycloak.log",
            ready=lambda: http_status(self.port, discovery) == 200,
            env=env,
        )


def import_files(realm: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the files that Keycloak imports a realm from, by name.

    Each file is a transaction, and the time of one grows with the square of its users.
    """
    name, users = realm["realm"], realm["users"]
    parts = [users[start : start + _USERS_PER_FILE] for start in range(0, len(users), _USERS_PER_FILE)]
    return {
        f"{name}-realm.json": {key: value for key, value in realm.items() if key != "users"},
        **{
            f"{name}-users-{number}.json": {"realm": name, "users": part} for number, part in enumerate(parts)
        },
    }


def copy_home(source: Path, target: Path) -> None:
    """Copy a folder of Keycloak, with links to the files that it does not write."""
    shutil.copytree(source, target, copy_function=_link)


def distribution() -> Path:
    """Return the folder that install_keycloak.sh has made."""
    found = cache_folder() / f"keycloak-{VERSION}"
    if not found.is_dir() or shutil.which("java") is None:
        fail_or_skip("Keycloak is not installed: `make keycloak-test` installs it")
    return found


def _link(source: str, target: str) -> None:
    """Link a file into the copy, but copy what Keycloak writes again, and into another file system."""
    is_written = "quarkus" in Path(source).parts
    try:
        (shutil.copy2 if is_written else os.link)(source, target)
    except OSError:
        shutil.copy2(source, target)
