"""A logged-in user as a real client behaves: it refreshes tokens, retries, and remembers its device."""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from load.http_client import AUTH, Request, Response, Transport

LOGIN: Final = f"POST {AUTH}/token"
REFRESH: Final = f"POST {AUTH}/refresh-token"
LOGOUT: Final = f"POST {AUTH}/logout"

_UNAUTHORIZED: Final = 401
_LOGIN_RETRIES: Final = 10
_MAX_WAIT_SECONDS: Final = 60.0
_EARLY_REFRESH: Final = (0.75, 0.95)
"""Range of the token's lifetime in which an early client refreshes: spread, to avoid a burst."""
_EXPIRY_MARGIN_SECONDS: Final = 1.0
"""Token times are whole seconds, so a lifetime of 300 s may end after little more than 299."""


@dataclass
class Account:
    """An account's login, and the device token that the client remembers."""

    email: str
    password: str
    id: str = ""
    device_token: str | None = None


class UserSession:
    """One account's session on one device.

    Some clients refresh the access token early, others after a 401.
    """

    def __init__(
        self,
        transport: Transport,
        account: Account,
        *,
        refreshes_early: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.account = account
        self._transport = transport
        self._refreshes_early = refreshes_early
        self._clock = clock
        self._sleep = sleep
        self._access_token = ""
        self._refresh_token = ""
        self._refresh_at = 0.0
        self._expires_at = 0.0

    @property
    def has_tokens(self) -> bool:
        """Whether the session has tokens, valid or expired."""
        return bool(self._access_token)

    def log_in(self) -> Response:
        """Log in and retry while rejected; the last response may still be a rejection."""
        response = self._log_in_once(self.account.password)
        for _ in range(_LOGIN_RETRIES):
            if not response.is_rejection:
                break
            # Spread the retries, or they arrive as another burst.
            wait = min(response.retry_after or 0.0, _MAX_WAIT_SECONDS)
            self._sleep(wait + random.uniform(0, 1 + wait / 2))
            response = self._log_in_once(self.account.password)
        return response

    def log_in_with_wrong_password(self) -> Response:
        return self._log_in_once(self.account.password + "#", expected=[_UNAUTHORIZED])

    def log_out(self) -> None:
        """End the session if it exists."""
        if self.has_tokens:
            self.request(LOGOUT)
        self._access_token = self._refresh_token = ""

    def request(
        self,
        route: str,
        *,
        path_params: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: Iterable[int] = (),
    ) -> Response:
        """Send a request with the access token; `path_params` fill in the route's template.

        Logs in first where necessary, and returns the login's response if the login fails. After a 401
        it refreshes the token and sends the request again.
        """
        if not self.has_tokens and not (login := self.log_in()).ok:
            return login
        if self._refreshes_early and self._clock() >= self._refresh_at:
            self._refresh()
        params = {name: quote(value, safe="") for name, value in (path_params or {}).items()}
        path = route.split(" ", 1)[1].format_map(params) + (f"?{urlencode(query)}" if query else "")

        def send() -> Response:
            authorization = {"Authorization": f"Bearer {self._access_token}"}
            return self._transport.send(
                Request(
                    route,
                    path,
                    headers={**authorization, **(headers or {})},
                    body=body,
                    expected=frozenset(expected),
                    token_expired=lambda: self._clock() >= self._expires_at,
                )
            )

        response = send()
        if response.status == _UNAUTHORIZED and self._refresh():
            response = send()
        return response

    def _log_in_once(self, password: str, *, expected: Iterable[int] = ()) -> Response:
        body = {"email": self.account.email, "password": password}
        if self.account.device_token is not None:
            body["device_token"] = self.account.device_token
        sent_at = self._clock()
        response = self._transport.send(
            Request(LOGIN, f"{AUTH}/token", body=body, expected=frozenset(expected), may_be_rejected=True)
        )
        if response.ok:
            self._store(response, sent_at)
        return response

    def _refresh(self) -> bool:
        """Refresh the tokens, or log in again where the session has ended; return whether that worked."""
        request = Request(REFRESH, f"{AUTH}/refresh-token", body={"refresh_token": self._refresh_token})
        sent_at = self._clock()
        response = self._transport.send(request)
        if response.status == 0:
            # The response was lost: within the grace period the old token returns the same successor.
            response = self._transport.send(request)
        if response.ok:
            self._store(response, sent_at)
        elif response.status == _UNAUTHORIZED:
            self._access_token = self._refresh_token = ""
            return self.log_in().ok
        return response.ok

    def _store(self, response: Response, sent_at: float) -> None:
        tokens, lifetime = response.body, float(response.body["expires_in"])
        self._access_token, self._refresh_token = tokens["access_token"], tokens["refresh_token"]
        self.account.device_token = tokens.get("device_token", self.account.device_token)
        # Measured from the request, because the response may have taken long.
        self._refresh_at = sent_at + lifetime * random.uniform(*_EARLY_REFRESH)
        self._expires_at = sent_at + lifetime - _EXPIRY_MARGIN_SECONDS
