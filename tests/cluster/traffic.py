"""People at work while something is done to the cluster: they read, ask and refresh, from outside."""

import itertools
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import httpx2

from cluster.people import AUTH, TICKETS, USERS, Person

_PAUSE_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 30.0
_OK: Final = range(200, 300)


@dataclass(frozen=True)
class Outcome:
    """What became of one request; status 0: no answer."""

    kind: str
    started: float
    ended: float
    status: int
    detail: str


@dataclass
class Seen:
    """All of it."""

    outcomes: list[Outcome] = field(default_factory=list)
    created: dict[str, str] = field(default_factory=dict)
    """Ids of tickets that were acknowledged, and their subjects."""

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status not in _OK]

    def counted(self, kind: str) -> int:
        return sum(outcome.kind == kind for outcome in self.outcomes)

    def outage(self) -> float:
        """Seconds from the first failure's start to the last one's end."""
        failures = self.failures
        if not failures:
            return 0.0
        return max(one.ended for one in failures) - min(one.started for one in failures)

    def told(self) -> str:
        """Say what failed, for a failing test."""
        kinds = sorted({(one.kind, one.status, one.detail[:160]) for one in self.failures})
        return f"{len(self.failures)} of {len(self.outcomes)} failed: {kinds[:8]}"


class Traffic:
    """Requests one after the other in several threads, from entering to leaving the context."""

    def __init__(
        self, url: str, tls: ssl.SSLContext, people: list[Person], *, pause: float = _PAUSE_SECONDS
    ) -> None:
        self.seen = Seen()
        self._url = url
        self._tls = tls
        self._pause = pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        turns = itertools.cycle([self._read, self._write, self._refresh, self._write])
        self._threads = [
            threading.Thread(target=self._work, args=(next(turns), person), daemon=True) for person in people
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def settle(self, seconds: float) -> None:
        """Go on for a while; also before the disturbance, so that there is something to disturb."""
        time.sleep(seconds)

    def _work(self, act: Callable[[httpx2.Client, Person], None], person: Person) -> None:
        with httpx2.Client(
            base_url=self._url, verify=self._tls, timeout=_TIMEOUT_SECONDS, trust_env=False
        ) as client:
            while not self._stop.is_set():
                act(client, person)
                self._stop.wait(self._pause)

    def _read(self, client: httpx2.Client, person: Person) -> None:
        self._asked(client, "read", "GET", f"{USERS}/me", person)

    def _write(self, client: httpx2.Client, person: Person) -> None:
        """Create a ticket: not idempotent, and sent once."""
        subject = f"traffic {uuid.uuid4()}"
        answer = self._asked(
            client, "write", "POST", TICKETS, person, json={"subject": subject, "body": "While things move."}
        )
        if answer is not None and answer.status_code in _OK:
            with self._lock:
                self.seen.created[answer.json()["id"]] = subject

    def _refresh(self, client: httpx2.Client, person: Person) -> None:
        """Exchange the refresh token: not idempotent either. After a lost answer clients send it again."""
        body = {"refresh_token": person.refresh}
        answer = self._asked(client, "refresh", "POST", f"{AUTH}/refresh-token", None, json=body)
        if answer is not None and answer.status_code in _OK:
            person.access, person.refresh = answer.json()["access_token"], answer.json()["refresh_token"]

    def _asked(
        self,
        client: httpx2.Client,
        kind: str,
        method: str,
        path: str,
        person: Person | None,
        json: dict[str, str] | None = None,
    ) -> httpx2.Response | None:
        headers = {"Authorization": f"Bearer {person.access}"} if person else {}
        started = time.monotonic()
        try:
            answer = client.request(method, path, json=json, headers=headers)
        except httpx2.HTTPError as error:
            self._note(Outcome(kind, started, time.monotonic(), 0, repr(error)))
            return None
        detail = "" if answer.status_code in _OK else answer.text
        self._note(Outcome(kind, started, time.monotonic(), answer.status_code, detail))
        return answer

    def _note(self, outcome: Outcome) -> None:
        with self._lock:
            self.seen.outcomes.append(outcome)
