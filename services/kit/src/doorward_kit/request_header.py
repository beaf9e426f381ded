"""The header of a request: what the layer around every request reads of it, in one pass."""

from collections.abc import Iterable


class RequestHeader:
    """The fields of a header. `size` is of all of them, in bytes; `peer` is the connection's other side."""

    __slots__ = (
        "client_request_id",
        "content_length",
        "forwarded",
        "is_chunked",
        "origin",
        "peer",
        "request_id",
        "requests_method",
        "size",
    )

    def __init__(self, peer: str | None) -> None:
        self.peer = peer
        self.size = 0
        self.content_length = 0
        self.is_chunked = False
        self.origin: bytes | None = None
        self.requests_method = False
        self.forwarded: list[bytes] = []
        self.request_id: bytes | None = None
        self.client_request_id: bytes | None = None


def read_header(fields: Iterable[tuple[bytes, bytes]], peer: str | None) -> RequestHeader:
    header = RequestHeader(peer)
    for name, value in fields:
        header.size += len(name) + len(value)
        if name == b"content-length" and value.isdigit():
            header.content_length = int(value[:12])
        elif name == b"transfer-encoding":
            header.is_chunked = True
        elif name == b"origin":
            header.origin = value
        elif name == b"access-control-request-method":
            header.requests_method = True
        elif name == b"x-forwarded-for":
            header.forwarded.append(value)
        elif name == b"x-request-id":
            header.request_id = value
        elif name == b"x-client-request-id":
            header.client_request_id = value
    return header
