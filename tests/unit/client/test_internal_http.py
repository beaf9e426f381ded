"""Everything that asks another service: it goes there itself, whatever proxy the environment names."""

import ssl
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, cast

import pytest
from pydantic import SecretStr

from doorward_client.errors import UnavailableError
from doorward_client.internal_http import internal_http_client
from doorward_client.keys.jwks_client import JwksClient
from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.revocations.http_source import HttpRevocationSource
from doorward_client.settings import SettingsError
from doorward_client.settings.verifier import AuthClient, VerifierSettings
from doorward_client.tokens import Claims
from doorward_kit.metrics import Metrics
from doorward_tickets.users.auth_client import AuthClient as AuthServiceClient
from doorward_tickets.users.users_client import Caller, UsersClient
from support.certificates import Certificate, self_signed

Ask = Callable[[str], Awaitable[object]]

_SECONDS: Final = 10.0
_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


async def _ask_revocations(url: str) -> None:
    await HttpRevocationSource(AuthClient(url, "tickets", "secret")).changes(None)


async def _ask_keys(url: str) -> None:
    await JwksClient(KeyStore(KeySet({})), f"{url}/jwks.json", Metrics()).update()


async def _ask_accounts(url: str) -> None:
    own = VerifierSettings(auth_url=url, client_id="tickets", client_secret=SecretStr("secret"))
    await AuthServiceClient(own).find_accounts([])


async def _ask_directory(url: str) -> None:
    claims = Claims(uuid.uuid4(), uuid.uuid4(), "id", "user", 0, 0, 0, frozenset())
    users = UsersClient(url, timeout=_SECONDS)
    await users.get_profile(claims.user_id, Caller(claims, "Bearer of-somebody"))


ASKING: Final = (_ask_revocations, _ask_keys, _ask_accounts, _ask_directory)


class Server(ThreadingHTTPServer):
    """Records what it is asked, and answers with an empty object."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that does not believe the certificate leaves in the middle."""


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
    """Nothing about proxies or authorities, whatever this machine has."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return self_signed(tmp_path)


@pytest.fixture
def peer(certificate: Certificate) -> Iterator[Server]:
    """Another service, over TLS with a certificate of the installation's own authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.pem)
    with serving(tls) as server:
        yield server


async def _asked(ask: Ask, server: Server) -> int:
    # The answer says nothing that is looked for; what counts is who was asked.
    with suppress(OSError, ValueError, UnavailableError):
        await ask(server.url)
    return len(server.asked)


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_no_proxy_hears_what_services_tell_each_other(
    ask: Ask, variable: str, environment: pytest.MonkeyPatch
) -> None:
    with serving() as proxy, serving() as plain:
        environment.setenv(variable, proxy.url)
        assert await _asked(ask, plain) == 1
    assert proxy.asked == []


@pytest.mark.parametrize("ask", ASKING)
async def test_nor_over_tls(
    ask: Ask, peer: Server, certificate: Certificate, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SSL_CERT_FILE", str(certificate.authority))
    with serving() as proxy:
        environment.setenv("HTTPS_PROXY", proxy.url)
        assert await _asked(ask, peer) == 1
    assert proxy.asked == []


@pytest.mark.parametrize("ask", ASKING)
async def test_an_authority_of_the_installation_s_own_is_believed_where_it_is_named(
    ask: Ask, peer: Server, certificate: Certificate, environment: pytest.MonkeyPatch
) -> None:
    with suppress(Exception):  # a refused certificate, in each one's own words
        await ask(peer.url)
    assert peer.asked == [], "the control: nobody believes this certificate by itself"
    environment.setenv("SSL_CERT_FILE", str(certificate.authority))
    assert await _asked(ask, peer) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_stop_the_start(
    content: str | None, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    environment.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(SettingsError, match=r"^SSL_CERT_FILE or SSL_CERT_DIR cannot be used: "):
        internal_http_client(timeout=_SECONDS)
