"""Auth and users as processes with mounted key files that a test changes."""

from pathlib import Path
from typing import Final

from doorward_client.keys.key_set import HS256
from doorward_kit.key_rotation import new_jwk
from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH
from integration.keys.load import TOKEN_SECONDS
from integration.keys.mounted_secret import KeyDocument, MountedSecret
from support.databases import Database
from support.probes import http_text
from support.services import PATIENT, Service

CURSOR_KEY: Final = "seals cursors in tests: 0123456789abcdef"


class KeyedDeployment(Deployment):
    """Auth and users, each with its own mounted key set, so that they may change at different times."""

    def __init__(self, database: Database, folder: Path, algorithm: str = HS256, **env: str) -> None:
        env = {**PATIENT, "DOORWARD_ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS), **env}
        super().__init__(database.url, folder, **env)
        self.database = database
        self.document: KeyDocument = {"keys": [new_jwk(algorithm)]}
        self.auth_keys = self._mount(self.auth)
        self.users_keys = self._mount(self.users)

    def write(self, document: KeyDocument) -> None:
        """Give both services a key set at the same time."""
        self.document = document
        self.auth_keys.write(document)
        self.users_keys.write(document)

    def _mount(self, service: Service) -> MountedSecret:
        mounted = MountedSecret(self.folder / f"{service.name}-secret", self.document)
        without_secret(service)
        service.env["DOORWARD_JWKS_FILE"] = str(mounted.path)
        return mounted


def keyless_users(database: Database, auth: Service, log: Path) -> Service:
    """Prepare a users service without token secrets, which gets public keys from auth."""
    service = Service(
        "users",
        database_url=database.url,
        log=log,
        env={**PATIENT, "DOORWARD_AUTH_URL": f"{auth.url}{AUTH}", "DOORWARD_PAGINATION_SECRET": CURSOR_KEY},
    )
    without_secret(service)
    return service


def without_secret(service: Service) -> None:
    """Remove the default secret of the tests from a service."""
    del service.env["DOORWARD_SECRET_KEY"]


def metric(service: Service, name: str) -> float:
    """Read a metric without labels."""
    text = http_text(service.port, "/metrics")
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])
