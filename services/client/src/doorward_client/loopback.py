"""Which hosts only this machine can connect to."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can connect to an address or a name (RFC 6761 section 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith(".localhost")
