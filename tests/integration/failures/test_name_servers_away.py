"""Connections that are opened while the name servers are away, on the loop that the services run on."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_client.internal_http import FetchError, fetch, internal_http_client
from doorward_client.metrics import NoVerificationMetrics
from doorward_client.revocations.redis_pubsub import CHANNEL, RedisPubSub
from doorward_kit.event_loop import RememberingLoop
from doorward_kit.metrics import Metrics
from doorward_kit.name_resolution import Addresses, RememberedAddresses, remember_addresses
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from doorward_mail.settings import MailSettings
from doorward_mail.transport.smtp import SmtpTransport
from integration.harness.deployment import wait_until
from support.certificates import self_signed
from support.databases import DatabaseServer
from support.ports import free_port
from support.redis import Redis
from support.serving import serving
from support.smtp import SmtpServer


class NameServers:
    """Stand-in for the system's name servers, which know one host."""

    def __init__(self) -> None:
        self.are_away = False
        self.addresses = ["127.0.0.1"]
        self._real = socket.getaddrinfo

    def getaddrinfo(self, host: str, *question: int) -> Addresses:
        if not host.endswith(".example") and host != "localhost":
            return self._real(host, *question)
        if self.are_away:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [found for address in self.addresses for found in self._real(address, *question)]


@pytest.fixture
def name_servers(monkeypatch: pytest.MonkeyPatch) -> NameServers:
    servers = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", servers.getaddrinfo)
    return servers


@pytest.fixture
def remembered(name_servers: NameServers) -> RememberedAddresses:  # noqa: ARG001 - replaced by it first
    """As in a process that serves. The end of the test undoes it."""
    return remember_addresses()


@pytest.fixture
def anyio_backend(remembered: RememberedAddresses) -> tuple[str, dict[str, Callable[[], Any]]]:
    """As `new_event_loop`, with these name servers."""
    return "asyncio", {"loop_factory": lambda: RememberingLoop(remembered)}


@pytest.fixture
def units_of_work(mariadb_server: DatabaseServer) -> Iterator[UnitsOfWork]:
    with mariadb_server.create_database("names") as database:
        url = sa.make_url(database.url).set(host="database.example").render_as_string(hide_password=False)
        settings = DatabaseSettings(database_url=SecretStr(url), database_timeout_seconds=30.0)
        units_of_work = UnitsOfWork(settings, Metrics(), pool_size=1)
        yield units_of_work
        units_of_work.dispose()


async def connect_anew(units_of_work: UnitsOfWork) -> int:
    """Run a statement on a new connection, as the pool makes one every ten minutes."""
    units_of_work.engine.dispose()
    return await units_of_work.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())


async def test_the_database_is_reached(name_servers: NameServers, units_of_work: UnitsOfWork) -> None:
    assert await connect_anew(units_of_work) == 1
    name_servers.are_away = True
    assert await connect_anew(units_of_work) == 1


class Hello(BaseHTTPRequestHandler):
    """Another service."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing to the output of the tests."""


async def get(url: str) -> int:
    """Send a request on a new connection."""
    client: httpx2.AsyncClient = internal_http_client()
    try:
        return (await fetch(client, url, max_bytes=100, timeout=30)).status
    finally:
        await client.aclose()


async def test_another_service_is_reached_that_was_never_called(
    name_servers: NameServers, remembered: RememberedAddresses
) -> None:
    with serving(Hello) as url:
        named = url.replace("127.0.0.1", "users.example")
        remembered.prefetch([named])
        while not remembered._known:
            pass
        name_servers.are_away = True
        assert await get(named) == 200


async def test_a_name_that_was_never_known_is_an_error(name_servers: NameServers) -> None:
    name_servers.are_away = True
    with serving(Hello) as url, pytest.raises(FetchError):
        await get(url.replace("127.0.0.1", "users.example"))


async def test_a_changed_address_is_used_by_the_next_connection(name_servers: NameServers) -> None:
    with serving(Hello) as url:
        named = url.replace("127.0.0.1", "users.example")
        name_servers.addresses = ["127.0.0.9"]  # where nothing listens
        with pytest.raises(FetchError):
            await get(named)
        name_servers.addresses = ["127.0.0.1"]
        assert await get(named) == 200


async def is_subscribed(redis: Redis) -> None:
    await asyncio.to_thread(wait_until, lambda: redis.listeners(CHANNEL) == 1, "subscribed")


async def test_redis_is_reached(name_servers: NameServers, tmp_path: Path) -> None:
    with Redis(tmp_path) as redis:
        url = redis.url.replace("127.0.0.1", "redis.example")
        pubsub = RedisPubSub(url, lambda _: None, NoVerificationMetrics())
        receiving = asyncio.create_task(pubsub.run())
        await is_subscribed(redis)
        name_servers.are_away = True
        redis.restart()
        await is_subscribed(redis)
        receiving.cancel()
        await asyncio.wait([receiving])


async def test_the_mail_server_is_reached(name_servers: NameServers, tmp_path: Path) -> None:
    with SmtpServer(tmp_path) as smtp:
        transport = SmtpTransport(MailSettings(**{**smtp.settings, "smtp_host": "mail.example"}))
        for _ in range(2):
            async with transport.connect() as connection:
                assert await connection.is_alive()
            await transport.close_idle()
            name_servers.are_away = True


@asynccontextmanager
async def listening(**options: Any) -> AsyncIterator[int]:
    """Accept connections on a port of 127.0.0.1, and close them."""

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    port = free_port()
    async with await asyncio.start_server(accept, "127.0.0.1", port, **options):
        yield port


async def test_the_next_address_is_tried(name_servers: NameServers) -> None:
    name_servers.addresses = ["127.0.0.9", "127.0.0.1"]
    async with listening() as port:
        _, writer = await asyncio.open_connection("users.example", port)
        connected = writer.get_extra_info("socket")
        assert connected.getpeername()[0] == "127.0.0.1"
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()


async def test_tls_verifies_the_name(name_servers: NameServers, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate.pem)
    client = certificate.client_context()
    async with listening(ssl=server) as port:
        for _ in range(2):
            _, writer = await asyncio.open_connection("localhost", port, ssl=client)
            writer.close()
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection("users.example", port, ssl=client)
            name_servers.are_away = True
