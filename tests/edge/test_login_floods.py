"""Logins succeed while others keep every hashing thread busy: through HAProxy and NGINX, at real cost."""

import asyncio
import contextlib
import itertools
import secrets
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import pytest

from support.chain import Chain, Edge, running_edge, service_account
from support.client import AUTH
from support.services import Admin, Service, create_admin

# So costly that callers wait for hashes and not for the test's client, and so patient that none is rejected:
# then only the order decides, and the speed of the machine does not.
COSTLY: Final = {
    "DOORWARD_ARGON2_MEMORY_KIB": "19456",
    "DOORWARD_ARGON2_TIME_COST": "4",
    "DOORWARD_HASH_THREADS": "1",
    "DOORWARD_HASH_QUEUE_TIMEOUT_SECONDS": "30",
    "DOORWARD_DATABASE_TIMEOUT_SECONDS": "30",
    "DOORWARD_REGISTRATION": "open",
    "DOORWARD_SMTP_HOST": "localhost",  # no mail of a registration is read
    "DOORWARD_MAIL_FROM": "doorward@example.com",
}
PENDING: Final = Admin("pending@example.com", "a pending horse battery 7")
LOGINS: Final = 5
_networks: Final = itertools.count()


@pytest.fixture(scope="module")
def edge(chain: Chain) -> Iterator[Edge]:
    """HAProxy, NGINX, and an auth service whose hashes cost what they cost in production."""
    url = service_account(chain.database, "auth")
    log = chain.auth.log.with_name("costly-auth.log")
    with (
        Service("auth", database_url=url, log=log, env=COSTLY) as auth,
        running_edge(auth.port, chain.users.port, chain.tickets.port) as edge,
    ):
        yield edge


@pytest.fixture
def victim(chain: Chain) -> Admin:
    """A user who has not logged in for a long time."""
    login = Admin(f"victim-{secrets.token_hex(4)}@example.com", "the victim's own horse 5")
    return create_admin(chain.database.url, login)


@pytest.fixture
def attacker(chain: Chain) -> Admin:
    """An attacker with an account of their own."""
    login = Admin(f"attacker-{secrets.token_hex(4)}@example.com", "the attacker's own horse 6")
    return create_admin(chain.database.url, login)


def client_from(edge: Edge, source: str) -> httpx2.AsyncClient:
    transport = httpx2.AsyncHTTPTransport(local_address=source, trust_env=False)
    return httpx2.AsyncClient(
        base_url=edge.haproxy.plain_url, transport=transport, timeout=60.0, trust_env=False
    )


async def log_in(client: httpx2.AsyncClient, body: Mapping[str, str]) -> httpx2.Response:
    return await client.post(f"{AUTH}/token", json=body)


def body_of(login: Admin, device_token: str | None = None) -> dict[str, str]:
    device = {} if device_token is None else {"device_token": device_token}
    return {"email": login.email, "password": login.password, **device}


async def device_of(edge: Edge, login: Admin, source: str) -> str:
    async with client_from(edge, source) as client:
        response = await log_in(client, body_of(login))
    assert response.status_code == 200, response.text
    return str(response.json()["device_token"])


@dataclass
class Flood:
    """Logins in a closed loop, with so many connections from each source."""

    edge: Edge
    sources: int
    connections: int
    bodies: Iterator[dict[str, str]]
    codes: Counter[str] = field(default_factory=Counter)
    network: int = field(default_factory=lambda: next(_networks))
    """A network for each test, so that the limits of one test do not apply to the next."""
    _unanswered: int = field(init=False)
    _all_answered: asyncio.Event = field(default_factory=asyncio.Event)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._unanswered = self.sources * self.connections

    @property
    def hashes(self) -> int:
        """Return how many of its passwords were compared."""
        return self.codes["200"] + self.codes["invalid_credentials"]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for the block, which begins when every connection has had an answer."""
        async with asyncio.TaskGroup() as group:
            for number in range(self.sources):
                for _ in range(self.connections):
                    group.create_task(self._attack(f"127.8.{self.network}.{number + 1}"))
            await self._all_answered.wait()
            try:
                yield
            finally:
                self._stop.set()

    async def _attack(self, source: str) -> None:
        async with client_from(self.edge, source) as client:
            is_first = True
            while not self._stop.is_set():
                response = await log_in(client, next(self.bodies))
                answer: dict[str, Any] = response.json()
                self.codes[str(answer.get("code", response.status_code))] += 1
                self._unanswered -= is_first
                is_first = False
                if not self._unanswered:
                    self._all_answered.set()
                if response.status_code != 200:
                    await asyncio.sleep(0.02)  # rejections without a hash are not what is tested


async def log_in_during_flood(flood: Flood, source: str, body: Mapping[str, str]) -> int:
    """Log in, and return how many of the flood's passwords were compared meanwhile."""
    async with client_from(flood.edge, source) as client:
        assert (await client.get(f"{AUTH}/jwks.json")).status_code == 200  # connected
        before = flood.hashes
        response = await log_in(client, body)
    assert response.status_code == 200, response.text
    return flood.hashes - before


async def flooded(
    edge: Edge, victim: Admin, bodies: Iterator[dict[str, str]], *, sources: int, connections: int
) -> None:
    """Check that the victim's logins overtake a flood, on a known device and on new ones."""
    device_token = await device_of(edge, victim, "127.9.0.1")
    flood = Flood(edge, sources, connections, bodies)
    async with flood.running():
        known = [
            await log_in_during_flood(flood, "127.9.0.1", body_of(victim, device_token))
            for _ in range(LOGINS)
        ]
        new = [
            await log_in_during_flood(flood, f"127.9.1.{number + 1}", body_of(victim))
            for number in range(LOGINS)
        ]
    assert set(flood.codes) <= {"200", "invalid_credentials", "too_many_attempts"}
    # In order of arrival most of them would wait for all connections. The median, because answers whose
    # hashes were computed before count, too.
    few = sources * connections // 2
    assert statistics.median(known) < few, known
    assert statistics.median(new) < few, new


async def test_logins_succeed_while_one_source_logs_in_with_its_own_password(
    edge: Edge, victim: Admin, attacker: Admin
) -> None:
    await flooded(edge, victim, itertools.repeat(body_of(attacker)), sources=1, connections=24)


async def test_logins_succeed_while_a_known_device_of_another_account_logs_in(
    edge: Edge, victim: Admin, attacker: Admin
) -> None:
    device_token = await device_of(edge, attacker, "127.8.255.1")
    bodies = itertools.repeat(body_of(attacker, device_token))
    await flooded(edge, victim, bodies, sources=1, connections=24)


async def test_logins_succeed_while_one_source_uses_a_pending_registration(edge: Edge, victim: Admin) -> None:
    async with client_from(edge, "127.8.255.1") as client:
        registered = await client.post(f"{AUTH}/register", json=body_of(PENDING))
    assert registered.status_code == 202, registered.text
    await flooded(edge, victim, itertools.repeat(body_of(PENDING)), sources=1, connections=24)


async def test_logins_succeed_while_one_source_sends_wrong_passwords(edge: Edge, victim: Admin) -> None:
    bodies = ({"email": f"{number}@example.com", "password": "wrong"} for number in itertools.count())
    await flooded(edge, victim, bodies, sources=1, connections=48)


async def test_logins_succeed_while_many_sources_log_in(edge: Edge, victim: Admin, attacker: Admin) -> None:
    await flooded(edge, victim, itertools.repeat(body_of(attacker)), sources=20, connections=2)
