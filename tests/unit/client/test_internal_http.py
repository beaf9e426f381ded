"""Internal requests use no proxy, trust configured authorities, and limit what they read."""

import asyncio
import gzip
import ssl
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, cast

import httpx2
import pytest
from pydantic import SecretStr

from doorward_client.errors import UnavailableError
from doorward_client.internal_http import AuthCredentials, FetchError, fetch, internal_http_client
from doorward_client.keys.jwks_client import JwksClient
from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.metrics import NoVerificationMetrics
from doorward_client.revocations.http_source import HttpRevocationSource
from doorward_client.settings import SettingsError
from doorward_client.tokens import Claims
from doorward_client.verifier_settings import VerifierSettings
from doorward_tickets.users.auth_client import AuthClient
from doorward_tickets.users.users_client import Caller, UsersClient
from support.certificates import Certificate, self_signed
from support.ports import free_port

Ask = Callable[[str], Awaitable[object]]

_SECONDS: Final = 10.0
_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


async def _ask_revocations(url: str) -> None:
    auth = AuthCredentials(url, "tickets", "secret")
    await HttpRevocationSource(auth, issuer="doorward", audience="doorward").fetch()


async def _ask_keys(url: str) -> None:
    await JwksClient(KeyStore(KeySet({})), f"{url}/jwks.json", NoVerificationMetrics()).update()


async def _ask_accounts(url: str) -> None:
    own = VerifierSettings(auth_url=url, client_id="tickets", client_secret=SecretStr("secret"))
    await AuthClient(own).find_accounts([])


async def _ask_directory(url: str) -> None:
    claims = Claims(uuid.uuid4(), uuid.uuid4(), "id", "user", 0, 0, 0, frozenset())
    users = UsersClient(url, timeout=_SECONDS)
    await users.get_profile(claims.user_id, Caller(claims, "Bearer of-somebody"))


ASKING: Final = (_ask_revocations, _ask_keys, _ask_accounts, _ask_directory)


class Server(ThreadingHTTPServer):
    """Records requests, and answers with an empty object."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that rejects the certificate disconnects during the handshake."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cast("Server", self.server).asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_CONNECT = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_arguments: object) -> None:
        """Stay silent: tests look at `asked`."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(tls) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies and authorities."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.fixture
def peer(certificate: Certificate) -> Iterator[Server]:
    """Another service over TLS, with a certificate of a private authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.pem)
    with serving(tls) as server:
        yield server


async def _asked(ask: Ask, server: Server) -> int:
    # The response is empty; the test checks which server received the request.
    with suppress(FetchError, ValueError, UnavailableError):
        await ask(server.url)
    return len(server.asked)


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_internal_requests_ignore_proxies(
    ask: Ask, variable: str, environment: pytest.MonkeyPatch
) -> None:
    with serving() as proxy, serving() as plain:
        environment.setenv(variable, proxy.url)
        assert await _asked(ask, plain) == 1
    assert proxy.asked == []


@pytest.mark.parametrize("ask", ASKING)
async def test_internal_requests_over_tls_ignore_proxies(
    ask: Ask, peer: Server, certificate: Certificate, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SSL_CERT_FILE", str(certificate.authority))
    with serving() as proxy:
        environment.setenv("HTTPS_PROXY", proxy.url)
        assert await _asked(ask, peer) == 1
    assert proxy.asked == []


@pytest.mark.parametrize("ask", ASKING)
async def test_a_configured_private_authority_is_trusted(
    ask: Ask, peer: Server, certificate: Certificate, environment: pytest.MonkeyPatch
) -> None:
    with suppress(Exception):  # the error of a rejected certificate differs between the clients
        await ask(peer.url)
    assert peer.asked == [], "control: the certificate is not trusted by default"
    environment.setenv("SSL_CERT_FILE", str(certificate.authority))
    assert await _asked(ask, peer) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_unreadable_authorities_are_a_configuration_error(
    content: str | None, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    environment.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(SettingsError, match=r"^SSL_CERT_FILE or SSL_CERT_DIR cannot be used: "):
        internal_http_client()


def client_of(handler: Callable[[httpx2.Request], httpx2.Response]) -> httpx2.AsyncClient:
    return internal_http_client(transport=httpx2.MockTransport(handler))


async def endless(pause: float) -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 100
        await asyncio.sleep(pause)


async def test_a_response_is_read_completely() -> None:
    async with client_of(
        lambda request: httpx2.Response(200, text=request.method, headers={"ETag": "1"})
    ) as one:
        response = await fetch(one, "http://auth/", max_bytes=3, timeout=30)
    assert (response.status, response.content, response.headers["etag"]) == (200, b"GET", "1")


async def test_a_form_and_parameters_are_sent() -> None:
    def echo(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            201, text=f"{request.method} {request.url.query.decode()} {request.content.decode()}"
        )

    async with client_of(echo) as one:
        response = await fetch(
            one,
            "http://auth/",
            max_bytes=100,
            timeout=30,
            accept=(200, 201),
            method="POST",
            params={"id": ["1", "2"]},
            data={"token": "t"},
        )
    assert (response.status, response.content) == (201, b"POST id=1&id=2 token=t")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: httpx2.Response(401, text="no"), r"^status 401$"),
        (lambda: httpx2.Response(302, headers={"Location": "http://elsewhere/"}), r"^status 302$"),
        (lambda: httpx2.Response(200, content=b"x" * 1_001), r"^longer than 1000 bytes$"),
        (lambda: httpx2.Response(200, content=endless(0)), r"^longer than 1000 bytes$"),
        (
            lambda: httpx2.Response(
                200, content=gzip.compress(bytes(10**6)), headers={"Content-Encoding": "gzip"}
            ),
            r"^longer than 1000 bytes$",
        ),
        (
            lambda: httpx2.Response(200, content=b"damaged", headers={"Content-Encoding": "gzip"}),
            r"^DecodingError$",
        ),
    ],
    ids=["status", "redirect", "long", "endless", "compressed", "damaged"],
)
async def test_other_responses_raise_one_error_type(
    answer: Callable[[], httpx2.Response], reason: str
) -> None:
    async with client_of(lambda _request: answer()) as one:
        with pytest.raises(FetchError, match=reason):
            await fetch(one, "http://auth/", max_bytes=1_000, timeout=30)


async def test_a_response_in_slow_pieces_is_late_as_a_whole() -> None:
    """Each read is within the timeout, but all together are not."""
    async with client_of(lambda _request: httpx2.Response(200, content=endless(0.05))) as one:
        with pytest.raises(FetchError, match=r"^no response within 0\.2 s$"):
            await fetch(one, "http://auth/", max_bytes=1_000, timeout=0.2)


async def test_a_failed_connection_raises_the_same_error_type() -> None:
    async with internal_http_client() as one:
        with pytest.raises(FetchError, match=r"^ConnectError$"):
            await fetch(one, f"http://127.0.0.1:{free_port()}/", max_bytes=1, timeout=30)
