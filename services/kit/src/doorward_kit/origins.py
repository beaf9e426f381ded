"""Web origins, as browsers send them in `Origin` (RFC 6454 section 6.2)."""

import re
from typing import Final

from doorward_client.loopback import is_loopback

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_DEFAULT_PORTS: Final = {"https": "443", "http": "80"}


def check_origin(text: str) -> str:
    """Return the origin; raises ValueError for a text that no browser would send, or that is not safe.

    A path, a default port or an upper-case letter would never match. Over plain http anyone on the way could
    act as the page, unless the page is on the same machine.
    """
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ValueError("is not an origin such as https://app.example.com, in lower case and without a path")
    if match["port"] == _DEFAULT_PORTS[match["scheme"]]:
        raise ValueError(f"names port {match['port']}, which browsers leave out of an origin")
    if match["scheme"] == "http" and not is_loopback(match["host"].strip("[]")):
        raise ValueError("is http, which is allowed on this machine alone (http://localhost:5173)")
    return text
