"""Clients that read, refresh, log in and log out while keys change."""

import asyncio
import contextlib
import itertools
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Final

from integration.harness.bulk_users import Member
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD
from integration.harness.raw_http import RawHttpClient, Reply
from integration.keys.tokens import expiry_of, header_of

TOKEN_SECONDS: Final = 5
"""The shortest lifetime of access tokens that settings allow, so that tokens of old keys expire soon."""

_SPARE_SECONDS: Final = 2.0
"""A token with less remaining time is refreshed before use."""

_PAUSE_SECONDS: Final = 0.08
"""After each request of a client: a closed loop would keep every core busy while keys wait for their time."""

_HANG_SECONDS: Final = 180.0


class Load:
    """State shared by all clients: targets, request counts, and failures."""

    def __init__(self, *, auth: int, users: int) -> None:
        self.auth = RawHttpClient(auth)
        self.users = RawHttpClient(users)
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self.is_over = False
        self._clients: list[_Client] = []
        self._left: list[RawHttpClient] = []

    @property
    def requests(self) -> int:
        """The number of answered requests."""
        return self.answered.total()

    def kids(self) -> set[str]:
        """The key ids of the tokens in use."""
        return {header_of(client.access)["kid"] for client in self._clients if client.access}

    def move_users(self, port: int) -> None:
        """Send new requests to another users service; running ones may complete at the old one."""
        self._left.append(self.users)
        self.users = RawHttpClient(port)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Continue until a condition holds; fails the test after a timeout or at a failure."""
        deadline = time.monotonic() + _HANG_SECONDS
        while not condition():
            assert not self.failures, self.failures[:5]
            assert time.monotonic() < deadline, f"not {what} within {_HANG_SECONDS} s: {self.answered}"
            await asyncio.sleep(0.05)

    async def until_all_use(self, kid: str) -> None:
        """Continue until all tokens in use have a given key."""
        await self.until(lambda: self.kids() == {kid}, f"all tokens of {kid}")

    async def until_more(self, *, at_least: int = 0) -> None:
        """Continue for some time, and up to a total number of requests."""
        goal = max(at_least, self.requests + 250)
        await self.until(lambda: self.requests >= goal, f"{goal} requests")

    async def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        *,
        good: tuple[int, ...] = (200, 204),
    ) -> Reply | None:
        """Send one request; an unexpected response is recorded as failure and returned as None."""
        http = self.users if path.startswith(USERS) else self.auth
        try:
            reply = await http.call(method, path, token, body)
        except (OSError, EOFError) as error:
            self.failures.append(f"{method} {path}: {error!r}")
            return None
        self.answered[f"{method} {path.partition('?')[0]}"] += 1
        await asyncio.sleep(_PAUSE_SECONDS)
        if reply.status in good:
            return reply
        # On a busy machine the response may arrive after the token has expired.
        if token is None or time.time() < expiry_of(token):
            shown = "" if token is None else f" (key {header_of(token)['kid']})"
            self.failures.append(f"{method} {path}{shown}: {reply.status} {reply.content!r}")
        return None

    @contextlib.asynccontextmanager
    async def running(self, members: Sequence[Member]) -> AsyncIterator[None]:
        """Run clients for the members during the block: most read, and some only refresh."""
        kinds: Iterator[Callable[[Load, Member], _Client]]
        kinds = itertools.cycle((_Reader, _Refresher, _Reader, _Visitor))
        self._clients = [kind(self, member) for kind, member in zip(kinds, members, strict=False)]
        tasks = [asyncio.create_task(client.run()) for client in self._clients]
        try:
            yield
        finally:
            self.is_over = True
            await asyncio.gather(*tasks)
            for http in (self.auth, self.users, *self._left):
                await http.close()


class _Client(ABC):
    """A client with a token pair."""

    def __init__(self, load: Load, member: Member) -> None:
        self._load = load
        self._member = member
        self._reads = itertools.cycle(
            (f"{USERS}/me", f"{AUTH}/me", f"{USERS}?limit=1", f"{AUTH}/verify", member.path)
        )
        self.access = ""
        self._refresh = ""

    async def run(self) -> None:
        """Send requests until the load ends."""
        await self.log_in()
        while not self._load.is_over:
            await self.work()

    @abstractmethod
    async def work(self) -> None:
        """Send the requests of this kind of client once."""

    async def log_in(self) -> None:
        """Log in."""
        credentials = {"email": self._member.email, "password": PASSWORD}
        self._take(await self._load.call("POST", f"{AUTH}/token", body=credentials))

    async def refresh(self) -> None:
        """Refresh the tokens."""
        body = {"refresh_token": self._refresh}
        self._take(await self._load.call("POST", f"{AUTH}/refresh-token", body=body))

    async def read(self) -> None:
        """Send one read with a token that does not expire soon."""
        if expiry_of(self.access) - time.time() < _SPARE_SECONDS:
            await self.refresh()
        await self._load.call("GET", next(self._reads), self.access)

    async def log_out(self) -> None:
        """Log out."""
        await self._load.call("POST", f"{AUTH}/logout", self.access)

    def _take(self, reply: Reply | None) -> None:
        if reply is not None:
            tokens = reply.json()
            self.access, self._refresh = tokens["access_token"], tokens["refresh_token"]


class _Reader(_Client):
    async def work(self) -> None:
        await self.read()


class _Refresher(_Client):
    async def work(self) -> None:
        await self.refresh()
        for _ in range(3):
            await self.read()


class _Visitor(_Client):
    async def work(self) -> None:
        for _ in range(10):
            await self.read()
        await self.log_out()
        await self.log_in()
