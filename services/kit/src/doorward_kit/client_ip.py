"""The client's address, as the proxies that we trust saw it."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from doorward_client.request_context import NO_ADDRESS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(scope: Scope, trusted_proxies: Sequence[Network]) -> str:
    """Return the address of the nearest hop that is not one of our proxies.

    X-Forwarded-For is read from the right, and only as far as trusted hops wrote it: what stands
    further left is the client's own claim (ASVS 15.3.4).
    """
    headers = Headers(scope=scope)
    hops = [hop.strip() for value in headers.getlist("x-forwarded-for") for hop in value.split(",")]
    client = scope.get("client")
    address: str = client[0] if client else NO_ADDRESS
    while hops and _is_trusted(address, trusted_proxies):
        nearer = hops.pop()
        if _parse(nearer) is None:
            break
        address = nearer
    parsed = _parse(address)
    return NO_ADDRESS if parsed is None else str(parsed)


def _is_trusted(address: str, trusted_proxies: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in trusted_proxies)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
