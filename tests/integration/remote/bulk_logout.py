"""Logs hundreds of users in at one replica of auth and out at another, and counts missed revocations."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH
from integration.harness.people import PASSWORD
from integration.harness.races import together
from integration.harness.raw_http import RawHttpClient
from integration.harness.revocation_reads import RevocationReads
from support.services import Service

AT_ONCE: Final = 8


class BulkLogout:
    """`count` users with one session each; requests go to the `replicas` of auth in turn."""

    def __init__(self, database_url: str, replicas: Sequence[Service], count: int) -> None:
        self._members = enrol(database_url, count)
        self._clients = [RawHttpClient(replica.port) for replica in replicas]
        self._tokens: list[str] = []
        self._ended_at: dict[str, float] = {}

    async def log_in(self) -> None:
        """Log all users in."""
        self._tokens = await together(len(self._members), self._log_in, at_once=AT_ONCE)

    async def accepted(self, port: int, path: str) -> int:
        """Count the tokens that a service accepts."""
        http = RawHttpClient(port)

        async def ask(number: int) -> int:
            return (await http.call("GET", path, self._tokens[number])).status

        statuses = await together(len(self._tokens), ask, at_once=AT_ONCE)
        await http.close()
        return statuses.count(200)

    async def leave(self, port: int, path: str) -> int:
        """Log all users out while requesting a service with their tokens, until it rejects every token.

        Returns the number of tokens that the service accepted after a poll that followed their logout.
        """
        leaving = asyncio.create_task(together(len(self._tokens), self._log_out, at_once=AT_ONCE))
        http, missed = RawHttpClient(port), 0
        waiting = dict[str, RevocationReads | None].fromkeys(self._tokens)
        while waiting:
            for token in [token for token in waiting if token in self._ended_at]:
                reads = waiting[token] = waiting[token] or RevocationReads(self._ended_at[token])
                may_be_accepted = reads.may_be_accepted()
                is_accepted = (await http.call("GET", path, token)).status != 401
                missed += is_accepted and not may_be_accepted
                if not (is_accepted and may_be_accepted):
                    del waiting[token]
            asked_at = time.monotonic()
            metrics = (await http.call("GET", "/metrics")).content.decode()
            for reads in waiting.values():
                if reads is not None:
                    reads.note(metrics, asked_at=asked_at)
            await asyncio.sleep(0.02)
        await leaving
        for one in (http, *self._clients):
            await one.close()
        return missed

    async def _log_in(self, number: int) -> str:
        login = {"email": self._members[number].email, "password": PASSWORD}
        reply = await self._clients[number % len(self._clients)].call("POST", f"{AUTH}/token", body=login)
        assert reply.status == 200, reply
        return str(reply.json()["access_token"])

    async def _log_out(self, number: int) -> None:
        token = self._tokens[number]
        reply = await self._clients[number // 2 % len(self._clients)].call("POST", f"{AUTH}/logout", token)
        assert reply.status == 204, reply
        self._ended_at[token] = time.monotonic()
