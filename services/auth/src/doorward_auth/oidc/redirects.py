"""Redirect URIs: how an answer is added to one, and where it leads."""

from collections.abc import Mapping
from urllib.parse import quote_plus, urlsplit


def with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    """Add parameters to a redirect URI's query; those that are None are left out.

    Every byte of a value returns as it came: see query.read_query.
    """
    query = "&".join(
        f"{name}={quote_plus(value, errors='surrogateescape')}"
        for name, value in parameters.items()
        if value is not None
    )
    if not query:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{query}"


def host_of(uri: str) -> str:
    """Return where a redirect URI leads, for people: its host, or its private scheme."""
    parts = urlsplit(uri)
    return parts.netloc or parts.scheme
