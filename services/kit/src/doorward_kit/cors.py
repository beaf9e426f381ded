"""Which pages of other origins may read answers (the CORS protocol of the Fetch standard, section 3.2)."""

import re
from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

Headers = list[tuple[bytes, bytes]]
RegisteredOrigins = Callable[[], AbstractSet[str]]
"""Returns origins that the service itself knows of, in addition to those of the settings."""

API_PREFIX: Final = "/api/"

_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS: Final = (
    b"authorization, captcha-token, content-type, doorward-csrf, idempotency-key, if-match, if-none-match,"
    b" last-event-id, x-request-id"
)
_RESPONSE_HEADERS: Final = (
    b"ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate, X-Request-ID"
)
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", _METHODS),
    (b"access-control-allow-headers", _REQUEST_HEADERS),
    (b"access-control-max-age", b"600"),  # seconds; browsers cut longer ones
)

_PARAMETER: Final = re.compile(r"\\\{\w+\\\}")
_VARY: Final = b"vary"
_ORIGIN: Final = b"Origin"
_ALLOW_ORIGIN: Final = b"access-control-allow-origin"
_EXPOSE: Final = (b"access-control-expose-headers", _RESPONSE_HEADERS)
_CREDENTIALS: Final = (b"access-control-allow-credentials", b"true")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsRoutes:
    """The paths of a service that browsers treat otherwise than its other paths.

    `public` may be read by every page, without credentials: documents of discovery, and keys.
    `with_credentials` may get and set cookies, for pages of the settings' origins alone. To `navigated`
    pages send the browser itself, so no script reads them (RFC 9700 section 2.6). The latter two are
    templates of paths.
    """

    public: Collection[str] = ()
    with_credentials: Collection[str] = ()
    navigated: Collection[str] = ()


class CorsPolicy:
    """Decides which headers an answer gets. Only paths of the API are readable from other origins."""

    def __init__(
        self,
        routes: CorsRoutes,
        origins: Collection[str] = (),
        registered: RegisteredOrigins | None = None,
    ) -> None:
        self._public = frozenset(routes.public)
        self._with_credentials = _pattern(routes.with_credentials)
        self._navigated = _pattern(routes.navigated)
        self._origins = frozenset(origins)
        self._registered = registered
        self._has_list = bool(origins) or registered is not None

    def add_headers(self, headers: Headers, path: str, origin: bytes | None) -> None:
        """Add to an answer what a page of `origin` needs to read it, and what shared caches need."""
        if path in self._public:
            headers += ((_ALLOW_ORIGIN, b"*"), _EXPOSE)
            return
        if not self._has_list:
            return
        # On answers to other origins, too: a cache must not give them to a page that may read them.
        _add_vary(headers)
        if origin is not None and self._allows(path, origin):
            headers += ((_ALLOW_ORIGIN, origin), _EXPOSE)
            if self._allows_credentials(path, origin):
                headers.append(_CREDENTIALS)

    def preflight_headers(self, path: str, origin: bytes) -> Headers:
        """Return what the answer to a preflight says besides: nothing to a page that may not read answers."""
        return list(_PREFLIGHT) if path in self._public or self._allows(path, origin) else []

    def _allows(self, path: str, origin: bytes) -> bool:
        if not path.startswith(API_PREFIX) or self._navigated.fullmatch(path):
            return False
        text = origin.decode("latin-1")
        return text in self._origins or (self._registered is not None and text in self._registered())

    def _allows_credentials(self, path: str, origin: bytes) -> bool:
        is_listed = origin.decode("latin-1") in self._origins
        return is_listed and self._with_credentials.fullmatch(path) is not None


def _pattern(templates: Collection[str]) -> re.Pattern[str]:
    """Compile path templates to a pattern of them all: of nothing, if there are none."""
    paths = (_PARAMETER.sub("[^/]+", re.escape(template)) for template in templates)
    return re.compile("|".join(paths) or r"(?!)")


def _add_vary(headers: Headers) -> None:
    """Name `Origin` in the one Vary field: NGINX before 1.23 reads no second one."""
    for index, (name, value) in enumerate(headers):
        if name == _VARY:
            headers[index] = (name, value + b", " + _ORIGIN)
            return
    headers.append((_VARY, _ORIGIN))


NO_CORS_ROUTES: Final = CorsRoutes()
