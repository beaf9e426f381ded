"""A forged database server gets no password, although without TLS a client cannot authenticate the server."""

import socket
import struct
import threading
from contextlib import closing
from typing import IO, Final, Self

import pytest
import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from doorward_kit.database import create_engine
from doorward_kit.database_authentication import authentication_arguments

PASSWORD: Final = "the-password-of-the-services"
SALT: Final = b"01234567" + b"890123456789"
# Long password, protocol 4.1, transactions, secure connection, authentication plugins.
_CAPABILITIES: Final = 0x00000001 | 0x00000200 | 0x00002000 | 0x00008000 | 0x00080000
_ANOTHER_SPELLING: Final = "127.1"
"""127.0.0.1 in another notation: a local host, so there is no network in between."""


def greeting(plugin: str) -> bytes:
    lower, upper = struct.pack("<I", _CAPABILITIES)[:2], struct.pack("<I", _CAPABILITIES)[2:]
    head = b"\x0a9.7.4\x00" + struct.pack("<I", 7) + SALT[:8] + b"\x00" + lower + b"\xff\x02\x00" + upper
    return head + bytes([len(SALT) + 1]) + bytes(10) + SALT[8:] + b"\x00" + plugin.encode() + b"\x00"


def switch_to(plugin: str) -> bytes:
    return b"\xfe" + plugin.encode() + b"\x00" + SALT + b"\x00"


FULL_AUTHENTICATION: Final = b"\x01\x04"
REMEMBERED: Final = b"\x01\x03"


class Impostor:
    """Accepts one connection, requests the password by its plugin, and records what it receives."""

    def __init__(self, plugin: str, question: bytes) -> None:
        self.received: list[bytes] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._talk = plugin, question
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        plugin, question = self._talk
        with connection, closing(connection.makefile("rb")) as sent:
            self._say(connection, 0, greeting(plugin))
            self._hear(sent)  # the account
            self._say(connection, 2, question)
            if self._hear(sent) == b"\x02":  # please send your public key
                public = self._key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
                self._say(connection, 4, b"\x01" + public)
                self._hear(sent)

    @staticmethod
    def _say(connection: socket.socket, number: int, payload: bytes) -> None:
        connection.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)

    def _hear(self, sent: IO[bytes]) -> bytes:
        payload = sent.read(int.from_bytes(sent.read(4)[:3], "little"))
        self.received.append(payload)
        return payload


def connect(impostor: Impostor, host: str, *, allowed: bool = False) -> str:
    """Try to connect; return what the error says."""
    url = f"mysql+pymysql://doorward:{PASSWORD}@{host}:{impostor.port}/doorward"
    engine = create_engine(url, pool_size=1, timeout=5, allow_public_key_retrieval=allowed)
    with impostor, pytest.raises(sa.exc.DBAPIError) as raised:
        engine.connect()
    return str(raised.value)


@pytest.mark.parametrize(
    ("plugin", "question"),
    [
        ("caching_sha2_password", FULL_AUTHENTICATION),
        ("caching_sha2_password", REMEMBERED),
        ("mysql_native_password", switch_to("caching_sha2_password")),
        ("sha256_password", FULL_AUTHENTICATION),
        ("mysql_native_password", switch_to("sha256_password")),
        ("mysql_native_password", switch_to("mysql_clear_password")),
        ("mysql_native_password", b"\xfedialog\x00\x00Password: "),
    ],
)
def test_without_tls_a_server_does_not_get_the_password(plugin: str, question: bytes) -> None:
    server = Impostor(plugin, question)
    with structlog.testing.capture_logs() as logged:
        said = connect(server, _ANOTHER_SPELLING)
    assert "set DOORWARD_DATABASE_TLS_CA_FILE" in said
    assert [event["event"] for event in logged] == ["database.authentication_rejected"]
    assert len(server.received) == 2
    assert server.received[1] == b"", "it was told more than a scrambled password"
    assert PASSWORD.encode() not in b"".join(server.received)
    assert PASSWORD not in said


def test_retrieval_of_the_key_can_be_allowed() -> None:
    """The control: the encrypted password goes to any server that answers."""
    server = Impostor("caching_sha2_password", FULL_AUTHENTICATION)
    connect(server, _ANOTHER_SPELLING, allowed=True)
    assert len(server.received[-1]) == 256


@pytest.mark.parametrize("host", [_ANOTHER_SPELLING, "127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("plugin", "question"),
    [
        ("mysql_clear_password", switch_to("mysql_clear_password")),
        ("dialog", b"\xfedialog\x00\x00Password: "),
    ],
)
def test_a_password_in_plain_text_cannot_be_allowed(host: str, plugin: str, question: bytes) -> None:
    """This holds for local hosts, too: a proxy there would forward the password to any server."""
    server = Impostor("mysql_native_password", question)
    assert plugin in connect(server, host, allowed=True)
    assert server.received[1] == b""


def test_nothing_is_rejected_at_a_unix_socket() -> None:
    url = sa.make_url("mysql+pymysql://doorward@/doorward?unix_socket=/run/mysqld/mysqld.sock")
    assert authentication_arguments(url, tls=False, allow_public_key_retrieval=False) == {}


def test_a_server_on_this_machine_may_send_its_key() -> None:
    server = Impostor("caching_sha2_password", FULL_AUTHENTICATION)
    connect(server, "127.0.0.1")
    assert len(server.received[-1]) == 256
