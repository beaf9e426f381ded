"""Whether a request names a registered redirect URI: the rule of clients here, and of logins at upstreams."""

import re
from collections.abc import Collection
from typing import Final

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
"""The hosts of this machine. RFC 8252 section 7.3 lets the port of the two addresses differ.

The name `localhost` may resolve to another machine, so section 8.3 does not recommend it. A client may
register it with its port, which is compared like the rest. The settings of upstreams take no URI with it.
"""

_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?([/?].*)?")
_MAX_PORT: Final = 65_535


def is_registered(uri: str, registered: Collection[str], *, any_port: bool) -> bool:
    """Tell whether a URI is registered, as an exact text (RFC 9700 section 2.1).

    With `any_port` the port of a URI with a loopback address may differ (RFC 8252 section 7.3), because a
    program on the user's machine learns its port when it starts. The host may not: 127.0.0.1 is not
    localhost.
    """
    if uri in registered:
        return True
    loopback = _without_port(uri) if any_port else None
    return loopback is not None and any(_without_port(uri) == loopback for uri in registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return host and rest of a URI with a loopback address; None for any other URI."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 80) not in range(1, _MAX_PORT + 1):
        return None
    return match[1], match[3] or ""
