"""Somebody signed in, as a real client keeps it: the token is renewed when its time is over."""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from load.wire import AUTH, Answer, Request, Transport

LOGIN: Final = f"POST {AUTH}/token"
REFRESH: Final = f"POST {AUTH}/refresh-token"
LOGOUT: Final = f"POST {AUTH}/logout"

_UNAUTHORIZED: Final = 401
_PATIENCE: Final = 10
"""Logins that somebody tries once more in a row while all are refused."""
_LONGEST_WAIT: Final = 60.0
_EARLY: Final = (0.75, 0.95)
"""When a client that renews early does so, as a share of the token's life: not all in the same second."""
_WHOLE_SECONDS: Final = 1.0
"""Times in tokens are whole seconds: one that lives for 300 may be over after 299 and a bit."""


@dataclass
class Person:
    """Somebody with a password, and what the device in their hand remembers."""

    email: str
    password: str
    id: str = ""
    device_token: str | None = None


class Session:
    """One person's session on one device.

    Clients are of two kinds: those that renew a little early, and those that wait for a 401.
    """

    def __init__(
        self,
        transport: Transport,
        person: Person,
        *,
        renews_early: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.person = person
        self._transport = transport
        self._renews_early = renews_early
        self._clock = clock
        self._sleep = sleep
        self._access = ""
        self._refresh = ""
        self._renew_at = 0.0
        self._over_at = 0.0

    @property
    def is_signed_in(self) -> bool:
        """Whether there are tokens, still good or not."""
        return bool(self._access)

    def sign_in(self) -> Answer:
        """Log in, coming back when told to; return the last answer, which may be a refusal all the same."""
        answer = self._log_in(self.person.password)
        for _ in range(_PATIENCE):
            if not answer.is_refusal:
                break
            # Not all at the same moment, or the next storm is as high as this one.
            wait = min(answer.retry_after or 0.0, _LONGEST_WAIT)
            self._sleep(wait + random.uniform(0, 1 + wait / 2))
            answer = self._log_in(self.person.password)
        return answer

    def mistype(self) -> Answer:
        """Try to log in with a password that is not the right one."""
        return self._log_in(self.person.password + "#", expected=[_UNAUTHORIZED])

    def sign_out(self) -> None:
        """End the session, where there is one."""
        if self.is_signed_in:
            self.request(LOGOUT)
        self._access = self._refresh = ""

    def request(
        self,
        route: str,
        *,
        at: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Iterable[int] = (),
    ) -> Answer:
        """Send a request with the access token; `at` fills in the route's template.

        Signs in before where that is needed, and answers what the login was answered if that fails. After
        a 401 the token is renewed and the request sent once more.
        """
        if not self.is_signed_in and not (login := self.sign_in()).ok:
            return login
        if self._renews_early and self._clock() >= self._renew_at:
            self._renew()
        path = route.split(" ", 1)[1].format_map({k: quote(v, safe="") for k, v in (at or {}).items()})
        path += f"?{urlencode(query)}" if query else ""

        def send() -> Answer:
            authorization = {"Authorization": f"Bearer {self._access}"}
            return self._transport.send(
                Request(
                    route,
                    path,
                    headers={**authorization, **(headers or {})},
                    body=body,
                    expected=frozenset(expected),
                    token_is_over=lambda: self._clock() >= self._over_at,
                )
            )

        answer = send()
        if answer.status == _UNAUTHORIZED and self._renew():
            answer = send()
        return answer

    def _log_in(self, password: str, *, expected: Iterable[int] = ()) -> Answer:
        body = {"email": self.person.email, "password": password}
        if self.person.device_token is not None:
            body["device_token"] = self.person.device_token
        asked_at = self._clock()
        answer = self._transport.send(
            Request(LOGIN, f"{AUTH}/token", body=body, expected=frozenset(expected), refusable=True)
        )
        if answer.ok:
            self._keep(answer, asked_at)
        return answer

    def _renew(self) -> bool:
        """Exchange the refresh token, or sign in anew where the session is over; tell whether that worked."""
        request = Request(REFRESH, f"{AUTH}/refresh-token", body={"refresh_token": self._refresh})
        asked_at = self._clock()
        answer = self._transport.send(request)
        if answer.status == 0:
            # Lost on its way: within the grace the old token brings the same successor.
            answer = self._transport.send(request)
        if answer.ok:
            self._keep(answer, asked_at)
        elif answer.status == _UNAUTHORIZED:
            self._access = self._refresh = ""
            return self.sign_in().ok
        return answer.ok

    def _keep(self, answer: Answer, asked_at: float) -> None:
        tokens, lifetime = answer.body, float(answer.body["expires_in"])
        self._access, self._refresh = tokens["access_token"], tokens["refresh_token"]
        self.person.device_token = tokens.get("device_token", self.person.device_token)
        # Counted from the question: an answer may have been long on its way.
        self._renew_at = asked_at + lifetime * random.uniform(*_EARLY)
        self._over_at = asked_at + lifetime - _WHOLE_SECONDS
