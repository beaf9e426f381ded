"""The client's IP address, as our trusted proxies saw it."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from doorward_client.request_context import NO_ADDRESS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV6_SITE_BITS: Final = 64
"""The part of an address that one subscriber shares: rotating the rest makes no new source."""

_LONGEST_ADDRESS: Final = 45  # an IPv4-mapped IPv6 address
_CACHE_SIZE: Final = 4096


def source_of(ip_address: str) -> str:
    """Return what counts as one source: an IPv4 address, or an IPv6 network of 64 bits."""
    parsed = ipaddress.ip_address(ip_address)
    if isinstance(parsed, ipaddress.IPv6Address):
        network = int(parsed) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS
        return str(ipaddress.ip_network((network, _IPV6_SITE_BITS)))
    return str(parsed)


class _Hop(NamedTuple):
    """An address in canonical form, None for text that is no address, and whether it is a trusted proxy."""

    address: str | None
    is_trusted: bool


_UNKNOWN: Final = _Hop(None, is_trusted=False)


class TrustedProxies:
    """The networks of our own proxies, whose X-Forwarded-For is accepted, and X-Request-ID if they set it."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)
        # The same few peers and clients again and again: parsing an address costs microseconds.
        self._parse = lru_cache(_CACHE_SIZE)(self._parse_address)

    def is_trusted(self, peer: str | None) -> bool:
        return self._hop(peer or "").is_trusted

    def client_ip(self, peer: str | None, forwarded: Sequence[bytes]) -> str:
        """Return the address of the nearest hop that is no trusted proxy, NO_ADDRESS if it is unknown.

        `forwarded` are the values of X-Forwarded-For. They are read from the right and only as far as
        trusted hops wrote them: further left is the client's own claim (ASVS 15.3.4).
        """
        hop = self._hop(peer or "")
        if hop.is_trusted:
            claims = [claim.strip() for value in forwarded for claim in value.decode("latin-1").split(",")]
            while claims and hop.is_trusted:
                nearer = self._hop(claims.pop())
                if nearer.address is None:
                    break
                hop = nearer
        return hop.address or NO_ADDRESS

    def _hop(self, address: str) -> _Hop:
        return _UNKNOWN if len(address) > _LONGEST_ADDRESS else self._parse(address)

    def _parse_address(self, address: str) -> _Hop:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return _UNKNOWN
        if isinstance(parsed, ipaddress.IPv6Address):
            # Without its zone (`fe80::1%eth0`), which may be any text, and means something here alone.
            parsed = parsed.ipv4_mapped or ipaddress.IPv6Address(int(parsed))
        return _Hop(str(parsed), any(parsed in network for network in self._networks))
