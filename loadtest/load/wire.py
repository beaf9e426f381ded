"""A request and its answer, whoever carries them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"

_NOT_MODIFIED: Final = 304
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_OVERLOADED: Final = "overloaded"
EDGE_LIMIT: Final = "too_many_requests"
"""HAProxy's code for a source that sends too much. The services have others."""


class LoadError(Exception):
    """The installation cannot be put under load, or cannot be cleaned; the message says why."""


@dataclass(frozen=True)
class Request:
    """One request. `route` is its method and the template of its path: `GET /api/v1/users/{user_id}`."""

    route: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    expected: frozenset[int] = frozenset()
    """Statuses that are no error here, beside those of an answer that is `ok`."""
    refusable: bool = False
    """Whether "not now" is an answer that this route may give."""
    token_is_over: Callable[[], bool] = bool
    """Whether the access token has by now outlived what was promised: then 401 is the right answer."""

    @property
    def method(self) -> str:
        """The method."""
        return self.route.split(" ", 1)[0]

    @property
    def template(self) -> str:
        """The path as the OpenAPI document has it."""
        return self.route.split(" ", 1)[1]


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 when nothing did, for a reason. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request was done, or nothing had changed."""
        return 200 <= self.status < 300 or self.status == _NOT_MODIFIED

    @property
    def code(self) -> str:
        """The problem's stable code; empty where there is none."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def items(self) -> list[dict[str, Any]]:
        """The items of a list's page; none of anything else."""
        return list(self.body.get("items", ())) if self.ok and isinstance(self.body, dict) else []

    @property
    def retry_after(self) -> float | None:
        """Seconds after which to try again, where the answer says so."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() else None

    @property
    def is_refusal(self) -> bool:
        """Whether this is a limit at work: 429, or 503 `overloaded`, and in both cases when to come back.

        Any other 503 is an outage, also where HAProxy or a service say in it when to try again.
        """
        limited = self.status == _TOO_MANY or (self.status == _UNAVAILABLE and self.code == _OVERLOADED)
        return limited and self.retry_after is not None

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip() if self.status else f"no answer: {self.reason}"


class Transport(Protocol):
    """Carries requests to one installation."""

    def send(self, request: Request) -> Answer:
        """Send a request and return its answer; status 0 when none comes."""
