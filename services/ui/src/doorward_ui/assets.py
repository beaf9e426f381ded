"""Static files under names with a hash of their content: a browser keeps them for good.

Another release has other names, so that no page gets the stylesheet of another.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

_MEDIA_TYPES: Final = {"css": "text/css", "svg": "image/svg+xml"}
_FOREVER: Final = "public, max-age=31536000, immutable"
_DIGEST_LENGTH: Final = 16

_HEADERS: Final = {
    "Cache-Control": _FOREVER,
    # An SVG that is opened by itself is a document, and a team's logo may be of anywhere.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, and the name in its URL."""

    name: str
    content: bytes
    media_type: str


class Assets:
    """The files of an application, by their plain names."""

    def __init__(self, files: Mapping[str, bytes], *, prefix: str) -> None:
        self._prefix = prefix
        self._by_plain_name = {plain: _asset(plain, content) for plain, content in files.items()}
        self._by_name = {asset.name: asset for asset in self._by_plain_name.values()}

    def url(self, plain_name: str) -> str:
        """Return the URL of a file; raises KeyError."""
        return f"{self._prefix}/{self._by_plain_name[plain_name].name}"

    def has(self, plain_name: str) -> bool:
        """Tell whether there is such a file."""
        return plain_name in self._by_plain_name

    def response(self, name: str) -> Response | None:
        """Return the file with this name in its URL; None for an unknown one."""
        asset = self._by_name.get(name)
        if asset is None:
            return None
        return Response(asset.content, media_type=asset.media_type, headers=_HEADERS)


def _asset(plain_name: str, content: bytes) -> Asset:
    stem, _, suffix = plain_name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
    return Asset(f"{stem}.{digest}.{suffix}", content, _MEDIA_TYPES[suffix])
