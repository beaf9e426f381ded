"""Requests from outside the cluster while something is done to it: reads, writes and refreshes."""

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
    """One request. Status 0: no response."""

    kind: str
    started: float
    ended: float
    status: int
    detail: str


@dataclass
class Outcomes:
    """Requests, and the tickets that they created."""

    all: list[Outcome] = field(default_factory=list)
    created: dict[str, str] = field(default_factory=dict)
    """Subjects of acknowledged tickets, by id."""

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.all if outcome.status not in _OK]

    def count(self, kind: str) -> int:
        return sum(outcome.kind == kind for outcome in self.all)

    def since(self, started: float) -> "Outcomes":
        """Return the requests that started at a time or later."""
        return Outcomes([outcome for outcome in self.all if outcome.started >= started])

    def outage(self) -> float:
        """Return the seconds from the first failure's start to the last failure's end."""
        failures = self.failures
        if not failures:
            return 0.0
        return max(failure.ended for failure in failures) - min(failure.started for failure in failures)

    def summary(self) -> str:
        """Describe the failures, for an assertion's message."""
        kinds = sorted({(failure.kind, failure.status, failure.detail[:160]) for failure in self.failures})
        return f"{len(self.failures)} of {len(self.all)} failed: {kinds[:8]}"


class Traffic:
    """Sends requests sequentially in several threads, from entering to leaving the context."""

    def __init__(
        self,
        url: str,
        tls: ssl.SSLContext,
        people: list[Person],
        *,
        pause: float = _PAUSE_SECONDS,
        host: str | None = None,
    ) -> None:
        """Prepare it; `host` replaces the host of the URL in requests."""
        self.outcomes = Outcomes()
        self._url = url
        self._tls = tls
        self._headers = {} if host is None else {"Host": host}
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

    def run_for(self, seconds: float) -> None:
        """Continue for some seconds."""
        time.sleep(seconds)

    def run_until_recovered(self, *, quiet_seconds: float, limit: float) -> None:
        """Continue until no request has failed for a while, at most until the limit."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            time.sleep(quiet_seconds)
            if not self.outcomes.since(time.monotonic() - quiet_seconds).failures:
                return

    def _work(self, act: Callable[[httpx2.Client, Person], None], person: Person) -> None:
        with httpx2.Client(
            base_url=self._url,
            verify=self._tls,
            headers=self._headers,
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        ) as client:
            while not self._stop.is_set():
                act(client, person)
                self._stop.wait(self._pause)

    def _read(self, client: httpx2.Client, person: Person) -> None:
        self._request(client, "read", "GET", f"{USERS}/me", person)

    def _write(self, client: httpx2.Client, person: Person) -> None:
        """Create a ticket: not idempotent, and sent once."""
        subject = f"traffic {uuid.uuid4()}"
        body = {"subject": subject, "body": "While things move."}
        response = self._request(client, "write", "POST", TICKETS, person, json=body)
        if response is not None and response.status_code in _OK:
            with self._lock:
                self.outcomes.created[response.json()["id"]] = subject

    def _refresh(self, client: httpx2.Client, person: Person) -> None:
        """Exchange the refresh token: not idempotent. After a lost response clients send it again."""
        body = {"refresh_token": person.refresh}
        response = self._request(client, "refresh", "POST", f"{AUTH}/refresh-token", None, json=body)
        if response is not None and response.status_code in _OK:
            tokens = response.json()
            person.access, person.refresh = tokens["access_token"], tokens["refresh_token"]

    def _request(
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
            response = client.request(method, path, json=json, headers=headers)
        except httpx2.HTTPError as error:
            self._note(Outcome(kind, started, time.monotonic(), 0, repr(error)))
            return None
        detail = "" if response.status_code in _OK else response.text
        self._note(Outcome(kind, started, time.monotonic(), response.status_code, detail))
        return response

    def _note(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes.all.append(outcome)
