"""The limit of bodies with an image, of the routes that take one (uploads.py)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from doorward_kit.routing import StrictRoute

MULTIPART: Final = "multipart/form-data"
IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/webp")

_UPLOAD_TYPES: Final = frozenset({MULTIPART, *IMAGE_TYPES})


class UploadRoute(StrictRoute):
    """A route that takes an image."""


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """How long the bodies of some routes may be, if they carry an image."""

    max_bytes: int
    routes: Sequence[tuple[frozenset[str], re.Pattern[str]]]
    """Methods, and a pattern of the path."""

    @classmethod
    def of(cls, routes: Sequence[object], max_bytes: int) -> "UploadLimit":
        """Return the limit of those of the routes that take images."""
        uploads = [route for route in routes if isinstance(route, UploadRoute)]
        return cls(max_bytes, [(frozenset(route.methods or ()), route.path_regex) for route in uploads])

    def applies_to(self, scope: Scope) -> bool:
        """Tell whether a request carries an image to one of the routes."""
        if not self.routes or not _UPLOAD_TYPES & set(_media_types(scope)):
            return False
        method, path = scope["method"], scope["path"]
        return any(method in methods and pattern.match(path) for methods, pattern in self.routes)


def _media_types(scope: Scope) -> list[str]:
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    return [value.partition(b";")[0].strip().lower().decode("latin-1") for value in types]
