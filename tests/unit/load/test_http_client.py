"""The benchmark's client reads what servers send: with a length, in chunks, in pieces."""

import contextlib
import socket
from collections.abc import Sequence

import pytest

from bench.http_client import Connection, ResponseError, post_form, request


def _answered(pieces: Sequence[bytes], *, accepts: tuple[bytes, ...] = (b"2",)) -> Connection:
    """Receive an answer piece by piece, which is complete with the last one alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(listener.getsockname()[1], accepts=accepts)
        server, _ = listener.accept()
        with server, contextlib.closing(connection):
            connection.send(request("GET", "/", {}))
            complete = []
            for piece in pieces:
                server.sendall(piece)
                complete.append(connection.receive())
    assert complete == [False] * (len(pieces) - 1) + [True]
    return connection


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n, chunks!\n\r\n0\r\n\r\n"


@pytest.mark.parametrize("cut", range(1, len(CHUNKED), 7))
def test_chunks_are_joined_wherever_they_were_cut(cut: int) -> None:
    assert _answered([CHUNKED[:cut], CHUNKED[cut:]]).body == b"hello, chunks!\n"


def test_headers_are_found_in_any_case() -> None:
    redirect = b"HTTP/1.1 303 See Other\r\nlocation: https://a.example/?x=1: 2\r\ncontent-length: 0\r\n\r\n"
    connection = _answered([redirect], accepts=(b"303",))
    assert connection.header("Location") == "https://a.example/?x=1: 2"
    with pytest.raises(ResponseError, match="without Retry-After"):
        connection.header("Retry-After")


def test_another_status_is_an_error() -> None:
    with pytest.raises(ResponseError, match="302 Found"):
        _answered([b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"])


def test_a_form_is_encoded() -> None:
    head, _, body = post_form("/token", {"a": "b c", "d": "&"}).partition(b"\r\n\r\n")
    assert body == b"a=b+c&d=%26"
    assert b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11" in head
