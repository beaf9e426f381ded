"""Requests that two parsers could interpret differently."""

from typing import Final

import pytest

HEAD: Final = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\n"
GET: Final = b"GET /api/v1/auth/me HTTP/1.1\r\n"

AMBIGUOUS: Final = [
    pytest.param(GET + b"Host: a\r\nHost: b\r\n\r\n", id="two hosts"),
    pytest.param(GET + b"\r\n", id="no host"),
    pytest.param(b"GET http://evil/api/v1/auth/me HTTP/1.1\r\nHost: a\r\n\r\n", id="other authority"),
    pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="two lengths"),
    pytest.param(HEAD + b"Content-Length: +1\r\n\r\na", id="length with a sign"),
    pytest.param(HEAD + b"Content-Length: -1\r\n\r\na", id="negative length"),
    pytest.param(HEAD + b"Content-Length: 0x1\r\n\r\na", id="hexadecimal length"),
    pytest.param(HEAD + b"Content-Length: 99999999999999999999999\r\n\r\na", id="huge length"),
    pytest.param(HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="unknown coding"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked not last"),
    pytest.param(
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        id="two codings",
    ),
    pytest.param(HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", id="space before the colon"),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n0\r\n\r\n", id="bad chunk size"),
    pytest.param(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n", id="huge chunk"
    ),
    pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", id="long chunk"),
    pytest.param(
        b"POST /api/v1/auth/token HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        id="chunked in HTTP/1.0",
    ),
    pytest.param(GET + b"Host: a\r\nX y: z\r\n\r\n", id="space in a name"),
    pytest.param(GET + b"Host: a\r\nX: a\x00b\r\n\r\n", id="NUL in a value"),
    pytest.param(GET + b"Host: a\r\nX: a\x01b\r\n\r\n", id="control character in a value"),
    pytest.param(GET + b"Host: a\r\nX: a\rX-User: b\r\n\r\n", id="lone CR"),
    pytest.param(b"GET /api/v1/auth/\xff HTTP/1.1\r\nHost: a\r\n\r\n", id="byte in the path"),
    pytest.param(b"GET /api/v1/auth/me\r\n\r\n", id="HTTP/0.9"),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 in the clear"),
    pytest.param(b"\x16\x03\x01\x00\x05hello\r\n\r\n", id="TLS on the plain port"),
]

TWO_MEANINGS: Final = [
    b"/api/v1/auth/../../../metrics",
    b"/api/v1/auth/%2e%2e/%2e%2e/%2e%2e/metrics",
    b"/api/v1/auth/..%2f..%2f..%2fmetrics",
    b"/api/v1/auth/./token",
    b"/api/v1//users",
    b"/api/v1/users/%5c..%5cauth",
    b"/api/v1/users/%00",
    b"/api/v1/users/%0d%0aX: y",
    b"/api/v1/users/%zz",
    b"/api/v1/users/%4",
]
