"""A minimal HTTP/2 client (RFC 9113) that sends one GET."""

import socket
import ssl
from collections.abc import Mapping
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS: Final = 1
_SETTINGS: Final = 4
_END_STREAM_AND_HEADERS: Final = 0x05
_ACK: Final = 0x01


def get(port: int, context: ssl.SSLContext, path: str, headers: Mapping[str, str]) -> None:
    """Send one GET over HTTP/2 to localhost and wait for the response's header.

    Raises ConnectionError when the server closes instead, AssertionError when it does not speak
    HTTP/2. The response is not decoded: its Huffman-coded fields say nothing that tests need.
    """
    context.set_alpn_protocols(["h2"])
    fields = {
        ":method": "GET",
        ":scheme": "https",
        ":authority": f"localhost:{port}",
        ":path": path,
        **headers,
    }
    block = b"".join(_literal(name, value) for name, value in fields.items())
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        assert tls.selected_alpn_protocol() == "h2"
        tls.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        tls.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        tls.sendall(_frame(_HEADERS, _END_STREAM_AND_HEADERS, 1, block))
        while True:
            kind = _skip_frame(tls)
            if kind == _HEADERS:
                return


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def _literal(name: str, value: str) -> bytes:
    """Encode a field without table and Huffman code (RFC 7541 section 6.2.2)."""
    return b"\x00" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    data = text.encode()
    assert len(data) < 127, "longer texts need a length of several bytes"
    return bytes([len(data)]) + data


def _skip_frame(tls: ssl.SSLSocket) -> int:
    """Read one frame and return its type."""
    head = _exactly(tls, 9)
    _exactly(tls, int.from_bytes(head[:3], "big"))
    return head[3]


def _exactly(tls: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = tls.recv(count - len(data))
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    return data
