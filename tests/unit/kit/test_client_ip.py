import ipaddress

import pytest

from doorward_kit.client_ip import TrustedProxies

PROXIES = TrustedProxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.2", [], "10.0.0.2"),
        ("10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.2", ["1.2.3.4", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.2", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.2", ["not an address"], "10.0.0.2"),
        ("10.0.0.2", ["1.2.3.4, <script>"], "10.0.0.2"),
        ("10.0.0.2", ["1.2.3.4, " + "9" * 1000], "10.0.0.2"),
        ("10.0.0.2", [""], "10.0.0.2"),
        ("fd00::1", ["2001:DB8::0001"], "2001:db8::1"),
        ("10.0.0.2", ["fe80::1%<script>"], "fe80::1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("::ffff:10.0.0.2", ["198.51.100.1"], "198.51.100.1"),
        (None, [], "0.0.0.0"),
        ("testclient", [], "0.0.0.0"),
    ],
)
def test_accepts_only_what_trusted_proxies_wrote(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    values = [value.encode("latin-1") for value in forwarded]
    assert PROXIES.client_ip(peer, values) == expected
    assert PROXIES.client_ip(peer, values) == expected  # from the cache


@pytest.mark.parametrize("peer", ["10.0.0.2", "::ffff:10.0.0.2", "fd00::7"])
def test_trusts_peers_of_its_networks(peer: str) -> None:
    assert PROXIES.is_trusted(peer)
    assert not TrustedProxies([]).is_trusted(peer)


@pytest.mark.parametrize("peer", ["203.0.113.9", "testclient", "", None])
def test_trusts_no_other_peer(peer: str | None) -> None:
    assert not PROXIES.is_trusted(peer)
