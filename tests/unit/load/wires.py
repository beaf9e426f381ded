"""An installation that answers what it is told to, and a clock that only moves when it is moved."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from load.session import Person, Session
from load.wire import Answer, Request

LIFETIME = 300


def tokens(number: int, **more: str) -> Answer:
    body = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": LIFETIME}
    return Answer(200, body={**body, **more})


def refusal(status: int, code: str, retry_after: int | None = 3) -> Answer:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return Answer(status, headers, {"code": code})


@dataclass
class Wire:
    """What was sent, and what is answered next."""

    answers: deque[Answer | Callable[[Request], Answer]] = field(default_factory=deque)
    sent: list[Request] = field(default_factory=list)
    over: list[bool] = field(default_factory=list)
    """Of each request, whether its token's time was over when the answer came."""
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def send(self, request: Request) -> Answer:
        self.sent.append(request)
        answer = self.answers.popleft()
        found = answer if isinstance(answer, Answer) else answer(request)
        self.over.append(request.token_is_over())
        return found

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def routes(self) -> list[str]:
        return [request.route for request in self.sent]


def session_on(wire: Wire, answers: Iterable[Answer], *, early: bool = True) -> Session:
    wire.answers.extend(answers)
    person = Person("ada@example.com", "the analytical engine", "1")
    return Session(wire, person, renews_early=early, clock=lambda: wire.now, sleep=wire.sleep)
