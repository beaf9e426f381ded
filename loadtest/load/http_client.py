"""Requests and responses of a run, and a client for the requests that are not measured."""

import contextlib
import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"

EDGE_LIMIT: Final = "too_many_requests"
"""HAProxy's code for its limit per source. The services have codes of their own."""

_NOT_MODIFIED: Final = 304
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_OVERLOADED: Final = "overloaded"
_TIMEOUT_SECONDS: Final = 30.0


class LoadError(Exception):
    """The installation cannot be put under load or cleaned; the message says why."""


@dataclass(frozen=True)
class Request:
    """One request. `route` is its method and path template: `GET /api/v1/users/{user_id}`."""

    route: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    expected: frozenset[int] = frozenset()
    """Statuses that are not errors here, in addition to success."""
    may_be_rejected: bool = False
    """Whether this route may answer "try again later"."""
    token_expired: Callable[[], bool] = bool
    """Whether the access token's lifetime is over by now; a 401 is correct then."""

    @property
    def method(self) -> str:
        return self.route.split(" ", 1)[0]

    @property
    def template(self) -> str:
        return self.route.split(" ", 1)[1]


@dataclass(frozen=True)
class Response:
    """A response; status 0 and a reason when none arrived. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """True for 2xx and 304."""
        return 200 <= self.status < 300 or self.status == _NOT_MODIFIED

    @property
    def code(self) -> str:
        """The problem's stable code, or an empty string."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of a list page; empty for any other response."""
        return list(self.body.get("items", ())) if self.ok and isinstance(self.body, dict) else []

    @property
    def retry_after(self) -> float | None:
        """Seconds, where the response has the header."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() else None

    @property
    def is_rejection(self) -> bool:
        """True for a limit at work: 429, or 503 `overloaded`, each with `Retry-After`.

        Any other 503 is an outage, even when it has `Retry-After`.
        """
        limited = self.status == _TOO_MANY or (self.status == _UNAVAILABLE and self.code == _OVERLOADED)
        return limited and self.retry_after is not None

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip() if self.status else f"no response: {self.reason}"


class Transport(Protocol):
    """Sends requests to one installation."""

    def send(self, request: Request) -> Response:
        """Return the response; status 0 when none arrives."""


class HttpClient:
    """Opens a connection for each request, because a whole run may pass between two requests."""

    def __init__(self, base_url: str, tls: ssl.SSLContext) -> None:
        self._url = urlsplit(base_url)
        self._tls = tls

    def send(self, request: Request) -> Response:
        body = None if request.body is None else json.dumps(request.body)
        headers = {"Accept": "application/json", "Content-Type": "application/json", **request.headers}
        with contextlib.closing(self._connection()) as connection:
            try:
                connection.request(request.method, self._url.path + request.path, body, headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                return Response(0, reason=str(error) or type(error).__name__)
        names = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, names, parse_json(content))

    def _connection(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(
                host, self._url.port, timeout=_TIMEOUT_SECONDS, context=self._tls
            )
        return http.client.HTTPConnection(host, self._url.port, timeout=_TIMEOUT_SECONDS)


def tls_context(ca_file: str, *, insecure: bool) -> ssl.SSLContext:
    """Trust the given authority, the system's authorities, or any certificate.

    Raises LoadError for an unusable file.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # includes ssl.SSLError
        raise LoadError(f"CA_FILE={ca_file} cannot be used: {error}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def parse_json(content: bytes) -> Any:
    """Return the body's JSON, or None where it is not JSON."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None
