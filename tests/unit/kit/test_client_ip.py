import ipaddress

import pytest
from starlette.requests import Request

from doorward_kit.client_ip import client_address

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


def request_from(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    client = None if peer is None else (peer, 1234)
    return Request({"type": "http", "headers": headers, "client": client})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.2.3.4", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.2", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.2", ["not an address"], "10.0.0.2"),
        ("10.0.0.2", ["1.2.3.4, <script>"], "10.0.0.2"),
        ("10.0.0.2", [""], "10.0.0.2"),
        ("fd00::1", ["2001:DB8::0001"], "2001:db8::1"),
        ("::ffff:10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        (None, [], "0.0.0.0"),
        ("testclient", [], "0.0.0.0"),
    ],
)
def test_believes_only_what_our_own_proxies_wrote(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(request_from(peer, *forwarded).scope, PROXIES) == expected
