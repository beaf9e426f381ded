"""A transport with scripted responses, and a clock that moves only when a test moves it."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from load.http_client import Request, Response
from load.user_session import Account, UserSession

LIFETIME = 300


def tokens(number: int, **more: str) -> Response:
    body = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": LIFETIME}
    return Response(200, body={**body, **more})


def rejection(status: int, code: str, retry_after: int | None = 3) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Response(status, headers, {"code": code})


@dataclass
class FakeTransport:
    """Records requests and returns the next scripted response."""

    responses: deque[Response | Callable[[Request], Response]] = field(default_factory=deque)
    sent: list[Request] = field(default_factory=list)
    expired: list[bool] = field(default_factory=list)
    """For each request, whether its token had expired when the response arrived."""
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        scripted = self.responses.popleft()
        response = scripted if isinstance(scripted, Response) else scripted(request)
        self.expired.append(request.token_expired())
        return response

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def routes(self) -> list[str]:
        return [request.route for request in self.sent]


def session_on(transport: FakeTransport, responses: Iterable[Response], *, early: bool = True) -> UserSession:
    transport.responses.extend(responses)
    account = Account("ada@example.com", "the analytical engine", "1")
    return UserSession(
        transport, account, refreshes_early=early, clock=lambda: transport.now, sleep=transport.sleep
    )
