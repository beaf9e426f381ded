"""Auth processes and one users process over one MariaDB, called over plain sockets."""

import asyncio
import ipaddress
import itertools
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from doorward_client import base64url
from doorward_identity.schema import PACKAGE
from integration.harness.bulk_users import Member
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from integration.harness.raw_http import RawHttpClient, Reply
from integration.harness.revocation_reads import RevocationReads
from support.databases import Database, DatabaseServer
from support.services import PATIENT, Service, ServiceName

REFRESH: Final = f"{AUTH}/refresh-token"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a login or a refresh."""

    access: str
    refresh: str

    @classmethod
    def of(cls, reply: Reply) -> "Tokens":
        """Read them from a 200 response; fails the test for any other."""
        assert reply.status == 200, reply
        body = reply.json()
        return cls(body["access_token"], body["refresh_token"])

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the access token."""
        claims: dict[str, Any] = json.loads(base64url.decode(self.access.split(".")[1]))
        return claims

    @property
    def session_id(self) -> uuid.UUID:
        """The id of their session."""
        return uuid.UUID(self.claims["sid"])


class Replica(RawHttpClient):
    """One service process and the connections to it."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.port)
        self.service = service

    async def log_in(self, member: Member, password: str = PASSWORD) -> Reply:
        """Log in."""
        return await self.guess("POST", f"{AUTH}/token", {"email": member.email, "password": password})

    async def guess(self, method: str, path: str, body: object) -> Reply:
        """Send a request that counts as a guess, from a new client IP to avoid the rate limit."""
        address = str(ipaddress.IPv4Address("10.0.0.0") + next(_numbers))
        return await self.call(method, path, body=body, address=address)

    async def refresh(self, token: str) -> Reply:
        """Present a refresh token."""
        return await self.call("POST", REFRESH, body={"refresh_token": token})

    async def accepts(self, access: str) -> bool:
        """Whether this process accepts an access token; fails the test for an unexpected status."""
        reply = await self.call("GET", f"{USERS if self.service.name == 'users' else AUTH}/me", access)
        # 404: the token is accepted, but its account has been deleted.
        assert reply.status in {200, 401, 404}, reply
        return reply.status != 401

    async def until_rejected(self, access: str) -> None:
        """Wait until an access token is rejected here.

        Fails the test when it is accepted though the list of revocations was read since.
        """
        reads = RevocationReads()
        while True:
            may_be_accepted = reads.may_be_accepted()
            if not await self.accepts(access):
                return
            assert may_be_accepted, f"{self.service.log.stem} has read the list and still accepts it"
            asked_at = time.monotonic()
            reads.note((await self.call("GET", "/metrics")).content.decode(), asked_at=asked_at)
            await asyncio.sleep(0.02)

    async def kill9(self) -> None:
        """Kill the process."""
        await self.close()
        await asyncio.to_thread(self.service.kill9)

    async def start(self) -> None:
        """Start the process again and wait until it is ready."""
        await asyncio.to_thread(self.service.start)


class Replicas:
    """A migrated database, two auth processes or more, and one of users; `env` goes to all of them."""

    def __init__(self, database: Database, folder: Path, auths: int = 2, /, **env: str) -> None:
        self.database = database
        migrate_all(database.url, PACKAGE)

        def replica(name: ServiceName, log: str) -> Replica:
            return Replica(Service(name, database_url=database.url, log=folder / log, env={**PATIENT, **env}))

        self.auths: Final = tuple(replica("auth", f"auth-{number}.log") for number in range(1, auths + 1))
        self.users: Final = replica("users", "users.log")

    @property
    def all(self) -> Sequence[Replica]:
        """Every process."""
        return (*self.auths, self.users)

    async def log_in(self, member: Member) -> Tokens:
        """Log a user in."""
        return Tokens.of(await self.auths[0].log_in(member))

    async def accepted_by(self, access: str) -> list[str]:
        """Return the processes that accept an access token."""
        return [replica.service.log.stem for replica in self.all if await replica.accepts(access)]

    async def until_rejected_everywhere(self, access: str) -> None:
        """Wait until every process rejects an access token."""
        async with asyncio.TaskGroup() as tasks:
            for replica in self.all:
                tasks.create_task(replica.until_rejected(access))

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the log events with a name, of all processes."""
        return [
            event for replica in self.all for event in replica.service.log_events() if event["event"] == name
        ]

    def answered(self, route: str) -> int:
        """Count the completed requests to a route, whether or not clients read the responses."""
        wanted = f'"route":"{route}"'
        return sum(replica.service.log_text().count(wanted) for replica in self.all)

    def live_sessions(self, members: Iterable[Member]) -> int:
        """Count the live sessions of users in the database."""
        found = self.database.execute("SELECT user_id FROM sessions WHERE ended_at IS NULL")
        wanted = {member.id.bytes for member in members}
        return sum(user_id in wanted for (user_id,) in found)

    async def close(self) -> None:
        """Close every connection, because the next test has its own event loop."""
        for replica in self.all:
            await replica.close()

    def __enter__(self) -> Self:
        with ThreadPoolExecutor(len(self.all)) as threads:
            list(threads.map(lambda one: one.service.start(), self.all))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with ThreadPoolExecutor(len(self.all)) as threads:
            list(threads.map(lambda one: one.service.stop(), self.all))


@contextmanager
def replicas_on(
    server: DatabaseServer, label: str, folder: Path, auths: int = 2, /, **env: str
) -> Iterator[Replicas]:
    """Run replicas over a new database; `env` goes to all of them."""
    with server.create_database(label) as database, Replicas(database, folder, auths, **env) as replicas:
        yield replicas
