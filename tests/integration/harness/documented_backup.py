"""The backup and the restore of docs/operations.md: the lines that reach the database, run as written."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from integration.harness.installation import AUTH, TICKETS
from integration.harness.people import People
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain
from support.databases import Database, DatabaseServer
from support.documentation import documented_line
from support.processes import inherited_environment

_PAGE: Final = "operations.md"
NAMES: Final = ("doorward", "doorward_tickets")


@dataclass(frozen=True)
class Clients:
    """The clients of a database: words before each command, and names that differ from the page's."""

    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    def back_up(self, server: DatabaseServer, folder: Path) -> None:
        """Dump both databases into a file of the folder."""
        lines = [self._line("db mariadb-dump"), self._line("gunzip -c doorward.sql.gz | tail")]
        assert self._run(server, folder, *lines).startswith("-- Dump completed")

    def restore(self, server: DatabaseServer, folder: Path) -> None:
        """Replace both databases by those of the file."""
        lines = [self._line("db mariadb -e 'DROP"), self._line("gunzip -c doorward.sql.gz | db")]
        self._run(server, folder, *lines)

    def _line(self, start: str) -> str:
        line = documented_line(_PAGE, start)
        return re.sub(r"(?<=\bdb )[a-z-]+", lambda found: self.names.get(found[0], found[0]), line)

    def _run(self, server: DatabaseServer, folder: Path, *lines: str) -> str:
        url = server.admin_url
        account = f"--no-defaults --host={url.host} --port={url.port} --user={url.username}"
        function = f'db() {{ client=$1; shift; {self.prefix} "$client" {account} "$@"; }}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join([function, *lines])],
            cwd=folder,
            env={**inherited_environment(), "MYSQL_PWD": str(url.password)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def services_over(server: DatabaseServer, folder: Path) -> Iterator[Chain]:
    """Run every service over the databases of the page, migrated and with accounts of their own."""
    folder.mkdir()
    for name in NAMES:
        server.execute(f"CREATE DATABASE IF NOT EXISTS {name}")
    identity, own = (Database(server, name) for name in NAMES)
    with identity, own, Chain(identity, own, folder) as chain, chain.tickets:
        yield chain


@dataclass(frozen=True)
class Stored:
    """What is in the databases when they are backed up."""

    people: People
    ticket: str

    @classmethod
    def by(cls, chain: Chain) -> Self:
        """Create four users and a ticket."""
        people = chain.people()
        status, ticket = chain.ticket("POST", TICKETS, people.user.access, json=TICKET)
        assert status == 201
        return cls(people, f"{TICKETS}/{ticket['id']}")

    def delete_user(self, chain: Chain) -> None:
        """Delete a user after the backup: a restore undoes it."""
        assert chain.call("DELETE", self.people.user.path, self.people.admin.access).status == 204

    def assert_restored(self, chain: Chain) -> None:
        """Log the user in, read and write tickets, and refresh another user's session."""
        access = chain.log_in(self.people.user.email)
        status, ticket = chain.ticket("GET", self.ticket, access)
        assert (status, ticket["body"]) == (200, TICKET["body"])
        assert chain.ticket("POST", TICKETS, access, json=TICKET)[0] == 201
        refresh = {"refresh_token": self.people.other.refresh}
        assert chain.call("POST", f"{AUTH}/refresh-token", json=refresh).status == 200
