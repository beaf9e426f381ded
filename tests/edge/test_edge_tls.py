"""TLS versions and ciphers, and requests without TLS."""

import secrets
import ssl

import pytest

from support.chain import Edge, running_edge
from support.client import assert_problem
from support.echo import Backends
from support.raw import exchange, negotiated

HANDSHAKE, ALERT = 0x16, 0x15
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_current_tls_versions_are_accepted(edge: Edge, version: ssl.TLSVersion) -> None:
    context = edge.certificate.client_context()
    context.minimum_version = context.maximum_version = version
    spoken, _ = negotiated(edge.haproxy.tls_port, context)
    assert spoken == version.name.replace("_", ".")


@pytest.mark.parametrize("minor", [0, 1, 2], ids=["SSL 3.0", "TLS 1.0", "TLS 1.1"])
def test_old_tls_versions_are_rejected(edge: Edge, minor: int) -> None:
    # Handmade, because the TLS library rejects such a handshake.
    answer = exchange(edge.haproxy.tls_port, client_hello(minor), seconds=2)
    assert answer[0] == ALERT
    assert answer[6] in {PROTOCOL_VERSION, HANDSHAKE_FAILURE}


def test_the_same_client_hello_with_a_current_version_is_answered(edge: Edge) -> None:
    answer = exchange(edge.haproxy.tls_port, client_hello(3), seconds=0.5)
    assert answer[0] == HANDSHAKE


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-SHA"])
def test_weak_ciphers_are_rejected(edge: Edge, cipher: str) -> None:
    context = edge.certificate.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake failure"):
        negotiated(edge.haproxy.tls_port, context)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2")],
)
def test_alpn_prefers_http2(edge: Edge, offered: list[str], chosen: str) -> None:
    context = edge.certificate.client_context()
    context.set_alpn_protocols(offered)
    assert negotiated(edge.haproxy.tls_port, context)[1] == chosen


def test_by_default_plain_http_is_not_served(backends: Backends) -> None:
    env = {"DOORWARD_EDGE_PLAIN": "refuse"}
    with running_edge(*backends.ports, env=env) as edge:
        with edge.client(tls=False) as client:
            assert_problem(client.post("/api/v1/auth/token", json={}), 403, "https_required")
        with edge.client() as client:
            assert client.get("/api/v1/auth/me").status_code == 200
    assert [request.path for request in backends.received()] == ["/api/v1/auth/me"]


def client_hello(minor: int) -> bytes:
    """Make a ClientHello of version 3.`minor` without the extension that offers TLS 1.3."""
    version = bytes([3, minor])
    ciphers = bytes.fromhex("c02bc02fc009c00ac013c014002f0035")
    extensions = b"".join(
        identity.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
        for identity, body in (
            (10, bytes.fromhex("000600170018001d")),  # groups: P-256, P-384, X25519
            (11, bytes.fromhex("0100")),  # uncompressed points
            (13, bytes.fromhex("0006040308040401")),  # signatures with SHA-256
        )
    )
    hello = (
        version
        + secrets.token_bytes(32)
        + b"\x00"
        + len(ciphers).to_bytes(2, "big")
        + ciphers
        + b"\x01\x00"
        + len(extensions).to_bytes(2, "big")
        + extensions
    )
    message = b"\x01" + len(hello).to_bytes(3, "big") + hello
    return bytes([HANDSHAKE, 3, 1 if minor else 0]) + len(message).to_bytes(2, "big") + message
