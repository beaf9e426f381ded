"""Which URLs of pictures may be fetched. They are the users' choice, the hosts are the operator's."""

import re
from collections.abc import Iterable
from typing import Final

import httpx2

from doorward_auth.upstream_adapters.urls import check_url, is_http_allowed

MAX_URL_LENGTH: Final = 2_048
"""In bytes, as it is sent: of a path in Chinese each character has nine."""

_MAX_HOST_LENGTH: Final = 253
_HOST: Final = re.compile(r"[a-z0-9._-]+(:[0-9]{1,5})?|\[[0-9a-f:.]+\](:[0-9]{1,5})?")


def check_picture_host(host: str) -> str:
    """Return the name of a host, with a port if there is one; raises ValueError that says what to write."""
    try:
        check_url(f"https://{host}" if _HOST.fullmatch(host) else "", allow_http=False)
    except ValueError:
        raise ValueError(
            'is no host: write one without scheme and path, such as "pictures.example.com"'
        ) from None
    return host


class PictureHosts:
    """The hosts of one provider. A host without a port is allowed at the port of the URL's scheme."""

    def __init__(self, hosts: Iterable[str], *, allow_http: bool) -> None:
        self._places = {_place_of(httpx2.URL(f"https://{host}")) for host in hosts}
        self._allow_http = allow_http

    def parse(self, text: str) -> httpx2.URL | None:
        """Return a URL that may be fetched; None for any other text.

        The URL is what the HTTP client uses: another parser could read another host in the same text.
        """
        try:
            url = httpx2.URL(text)
            return self._allowed(url) if len(str(url)) <= MAX_URL_LENGTH else None
        except httpx2.InvalidURL:
            return None

    def join(self, base: httpx2.URL, location: str) -> httpx2.URL | None:
        """Return the target of a redirect if it may be fetched."""
        try:
            return self._allowed(base.join(location))
        except httpx2.InvalidURL:
            return None

    def _allowed(self, url: httpx2.URL) -> httpx2.URL | None:
        # A user name and password would be sent as credentials.
        if url.userinfo or _place_of(url) not in self._places:
            return None
        if url.scheme == "https":
            return url
        host, _ = _place_of(url)
        is_usable = url.scheme == "http" and is_http_allowed(host, allow_http=self._allow_http)
        return url if is_usable else None


def host_of(url: str) -> str | None:
    """Return the host of a URL that may not be fetched, for the log; None if it has none."""
    try:
        host = httpx2.URL(url).raw_host.decode("ascii")
    except httpx2.InvalidURL:
        return None
    return host[:_MAX_HOST_LENGTH] or None


def _place_of(url: httpx2.URL) -> tuple[str, int | None]:
    return url.raw_host.decode("ascii").lower(), url.port
