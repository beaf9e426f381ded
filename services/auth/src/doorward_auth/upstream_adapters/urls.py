"""Acceptable URLs of upstreams: HTTPS, and HTTP on this machine or, if allowed, in a private network."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

MAX_URL_LENGTH: Final = 512

_URL: Final = re.compile(r"https?://[!-~]+")
_LOCAL_SUFFIXES: Final = (".localhost", ".local", ".internal", ".svc")


def check_url(url: str, *, allow_http: bool, allow_query: bool = False) -> None:
    """Raise ValueError for an unusable URL; the message says what to write."""
    if len(url) > MAX_URL_LENGTH or not _URL.fullmatch(url):
        raise ValueError("write a URL like https://identity.example.com")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises for one out of range
        (host or "").encode("idna")  # raises for a name that is none, as a resolver would
    except ValueError:
        raise ValueError("write a URL like https://identity.example.com") from None
    if not host:
        raise ValueError("write a URL like https://identity.example.com")
    if parts.username is not None or "#" in url or ("?" in url and not allow_query):
        raise ValueError("write the URL without user name, query and fragment")
    if parts.scheme == "https" or _is_loopback(host):
        return
    if not allow_http:
        raise ValueError(
            'write https://, because passwords and tokens are sent there ("allow_http": true permits http://'
            " to private addresses)"
        )
    if not _is_private(host):
        raise ValueError("write https://, because the host is not in a private network")


def is_http_allowed(host: str, *, allow_http: bool) -> bool:
    """Tell whether requests to a host need no TLS: on this machine, or in a private network if allowed."""
    return _is_loopback(host) or (allow_http and _is_private(host))


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return address.is_private
    # Names without a dot and these suffixes are never resolved in the public tree.
    return "." not in host or host.endswith(_LOCAL_SUFFIXES) or ".svc." in host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
