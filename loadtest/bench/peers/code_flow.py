"""The authorization code flow of browsers that are signed in: authorize with prompt=none, then exchange."""

import base64
import hashlib
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.closed_loop import ClosedLoop
from bench.http_client import Connection, ResponseError, post_form, request
from bench.peers.peer import CONNECTIONS, Load, answers

CLIENT_ID: Final = "bench"
REDIRECT_URI: Final = "https://app.example.com/callback"
SCOPE: Final = "openid profile email"
_VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
_CHALLENGE: Final = (
    base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode("ascii")
)


@dataclass(frozen=True)
class Provider:
    """Where the endpoints are, and the secret of the client `bench`."""

    port: int
    authorize_path: str
    token_path: str
    client_secret: str

    def authorize_address(self, **more: str) -> str:
        """Return the path and query of an authorization request with PKCE."""
        fields = {
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": SCOPE,
            "state": "af0ifjsldkj",
            "nonce": "n-0S6_WzA2Mj",
            "code_challenge": _CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.authorize_path}?{urlencode({**fields, **more})}"

    def exchange(self, code: str) -> bytes:
        """Build the exchange of a code."""
        return post_form(
            self.token_path,
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": REDIRECT_URI,
                "code_verifier": _VERIFIER,
                "client_id": CLIENT_ID,
                "client_secret": self.client_secret,
            },
        )


class CodeFlow:
    """Browsers at a provider, as the values of their Cookie headers."""

    def __init__(self, provider: Provider, cookies: Sequence[str], codes: int) -> None:
        """`codes` is the number of codes for a run of exchanges."""
        self._provider = provider
        self._count = codes
        self._codes: deque[str] = deque()
        address = provider.authorize_address(prompt="none")
        requests = itertools.cycle([request("GET", address, {"Cookie": cookie}) for cookie in cookies])
        self._authorize = ClosedLoop(
            provider.port,
            lambda: [_Authorizing(requests, self._codes) for _ in range(CONNECTIONS)],
            accepts=(b"302", b"303"),
        )
        self._exchange = ClosedLoop(
            provider.port, lambda: [_Exchanging(provider, self._codes) for _ in range(CONNECTIONS)]
        )

    def authorizations(self) -> Load:
        return Load(self._authorize.run_for)

    def exchanges(self) -> Load:
        """Exchange codes that are made before; the seconds do not matter."""
        return Load(lambda _: self._exchange.run_times(len(self._codes)), self._make_codes)

    def tokens(self) -> list[str]:
        """Return access tokens of the client for some users."""
        self._codes.clear()
        self._authorize.run_times(CONNECTIONS)
        requests = [self._provider.exchange(code) for code in self._codes]
        return [answer["access_token"] for answer in answers(self._provider.port, requests)]

    def _make_codes(self) -> None:
        self._codes.clear()
        self._authorize.run_times(self._count)


class _Authorizing:
    def __init__(self, requests: "itertools.cycle[bytes]", codes: deque[str]) -> None:
        self._requests = requests
        self._codes = codes

    def next_request(self) -> bytes:
        return next(self._requests)

    def on_response(self, response: Connection) -> None:
        """Keep the code; raises ResponseError for a redirect without one."""
        self._codes.append(code_of(response.header("location")))


class _Exchanging:
    def __init__(self, provider: Provider, codes: deque[str]) -> None:
        self._provider = provider
        self._codes = codes

    def next_request(self) -> bytes:
        return self._provider.exchange(self._codes.popleft())

    def on_response(self, response: Connection) -> None:
        """Check that there is an ID token, which is what is measured."""
        if b'"id_token"' not in response.body:
            raise ResponseError(f"an exchange without an ID token: {response.body[:600]!r}")


def code_of(location: str) -> str:
    """Return the code of a redirect to the client; raises ResponseError for another redirect."""
    codes = parse_qs(urlsplit(location).query).get("code", [])
    if not location.startswith(REDIRECT_URI) or len(codes) != 1:
        raise ResponseError(f"a redirect without a code: {location[:600]}")
    return codes[0]
