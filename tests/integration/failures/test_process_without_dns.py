"""A service process goes on while its name servers are away, with the resolver of the system."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import httpx2
import pymysql
import pytest
import sqlalchemy as sa

from doorward_identity.schema import PACKAGE
from integration.harness.databases import migrate_all
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, SECRET_KEY, TICKETS, USERS, Installation
from integration.harness.people import populate
from integration.harness.revocation_reads import HANG_SECONDS
from integration.harness.tickets_chain import new_chain
from support.databases import Database, DatabaseServer
from support.probes import http_status
from support.processes import Process
from support.services import PATIENT, Service, ServiceName

_READS: Final = 20
_HIDE: Final = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


def can_mount() -> bool:
    """Whether this account may give a process files of its own in place of the system's."""
    try:
        return (
            subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(
    not can_mount(), reason="only root of Linux may replace /etc/hosts of a process"
)


class Isolated(Service):
    """A service with a file of hosts of its own, and with a name server that does not answer."""

    def __init__(
        self, name: ServiceName, *names: str, database_url: str, folder: Path, env: Mapping[str, str]
    ) -> None:
        super().__init__(name, database_url=database_url, log=folder / f"{name}.log", env=env)
        self._hosts, resolver = folder / "hosts", folder / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.99\noptions timeout:1 attempts:1\n", encoding="ascii")
        self.know(*names)
        files = [str(self._hosts), str(resolver)]
        isolated = ["unshare", "--mount", "sh", "-c", _HIDE, *files]
        self.command = [*isolated, sys.executable, "-m", f"doorward_{name}"]

    def know(self, *names: str) -> None:
        """Let these names be known, and no others."""
        lines = "".join(f"127.0.0.1 {name}\n" for name in names)
        self._hosts.write_text(lines, encoding="ascii")  # in place: another file would not be the mounted one

    def _spawn(self, output: IO[bytes]) -> Any:
        return Process._spawn(self, output)


@pytest.fixture
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("dns") as database:
        migrate_all(database.url, PACKAGE)
        yield database


def connections(database: Database, account: str | None) -> set[int]:
    """Return the numbers of an account's connections."""
    found = database.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = %s", account)
    return {int(number) for (number,) in found}


def test_new_connections_are_made_without_name_servers(database: Database, tmp_path: Path) -> None:
    """No read fails meanwhile."""
    with Installation(database.url) as installation:
        reader = populate(installation).user
    url = sa.make_url(database.url).set(host="database.example")
    own = url.render_as_string(hide_password=False)
    env = {"DOORWARD_SECRET_KEY": SECRET_KEY, **PATIENT, **database.server.tls_environment}
    with (
        Isolated("users", "database.example", database_url=own, folder=tmp_path, env=env) as users,
        httpx2.Client(headers={"Authorization": f"Bearer {reader.access}"}, timeout=HANG_SECONDS) as client,
    ):
        users.know()
        answers: list[int] = []
        for _ in range(2):
            closed = connections(database, url.username)
            for number in closed:
                with contextlib.suppress(pymysql.err.Error):  # it has ended by itself
                    database.execute(f"KILL {number}")
            answers += [client.get(users.url + reader.path).status_code for _ in range(_READS)]
            assert connections(database, url.username) - closed, "it has no new connection"
        assert set(answers) == {200}
        assert http_status(users.port, "/readyz") == 200
        assert "dns.unavailable" in users.log_text(), "control: the name was looked up meanwhile"
        users.know("database.example")


def test_another_service_is_reached_without_name_servers(
    mariadb_server: DatabaseServer, tmp_path: Path
) -> None:
    """A revocation arrives over a new connection to auth."""
    with new_chain(mariadb_server, tmp_path) as chain:
        given = {name: value for name, value in chain.tickets.env.items() if name != "DOORWARD_PORT"}
        given["DOORWARD_AUTH_URL"] = f"http://auth.example:{chain.auth.port}{AUTH}"
        given["DOORWARD_USERS_URL"] = f"http://users.example:{chain.users.port}{USERS}"
        names, url = ("auth.example", "users.example"), given["DOORWARD_DATABASE_URL"]
        with Isolated("tickets", *names, database_url=url, folder=tmp_path, env=given) as tickets:
            tickets.know()
            chain.auth.restart()
            token = chain.log_in("user@example.com")

            def status() -> int:
                headers = {"Authorization": f"Bearer {token}"}
                return chain.client.get(tickets.url + TICKETS, headers=headers).status_code

            assert status() == 200
            assert chain.call("POST", f"{AUTH}/logout", token).status == 204
            wait_until(lambda: status() == 401, "revoked")
            assert "dns.unavailable" in tickets.log_text(), "control: a name was looked up meanwhile"
            tickets.know(*names)
