"""Requests of callers, and revocations: each within the provider's gate and deadline."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

import structlog

from doorward_auth.upstream.grants.gate import ProviderGate
from doorward_auth.upstream.grants.metrics import RequestOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.grants.request_outcome import outcome_of
from doorward_auth.upstream_adapters.base import Arrival, UnreachableError, UpstreamError

log = structlog.get_logger(__name__)

T_co = TypeVar("T_co", covariant=True)

_STORES_WITHIN: Final = 2.0


class AdapterCall(Protocol[T_co]):
    """Sends the request."""

    def __call__(self) -> Awaitable[T_co]: ...


class UpstreamRequests:
    """Sends requests of callers. Only an upstream that cannot be connected to opens its circuit breaker.

    Every other failure, also a late answer, may be about what one caller sent, and must not shut others out.
    Every answer, also an error, closes the circuit. Their gates are not those of refreshes: a flood of logins
    delays no refresh, and failing refreshes block no login. Revocations have an object of their own.
    """

    def __init__(self, providers: Providers, metrics: UpstreamMetrics) -> None:
        self._gates: dict[str, ProviderGate] = {
            provider.name: provider.policy.new_gate() for provider in providers.all()
        }
        self._metrics = metrics

    def permits(self, provider: Provider, count: int) -> int:
        """Return how many of `count` requests are allowed now."""
        return self._gates[provider.name].permits(count)

    def remaining_pause(self, provider: Provider) -> float:
        """Return the seconds until a request may be allowed, 0 where it is only a matter of room."""
        return self._gates[provider.name].remaining_pause()

    def pause(self, provider: Provider, seconds: float) -> None:
        """Send nothing to a provider for as long as it asks, up to a minute."""
        self._gates[provider.name].pause(seconds)

    async def send(self, provider: Provider, operation: str, call: AdapterCall[T_co]) -> T_co:
        """Return the adapter's result; raises UpstreamError."""
        if not self._gates[provider.name].permits(1):
            self._metrics.concluded(provider.name, operation, RequestOutcome.NOT_ASKED)
            log.info("upstream.not_asked", provider=provider.name, operation=operation)
            raise UnreachableError(Arrival.NOT_SENT)
        try:
            result = await self._send_once(provider, operation, call)
        except UpstreamError as error:
            self._record(provider, operation, outcome_of(error))
            raise
        self._record(provider, operation, RequestOutcome.SUCCEEDED)
        return result

    async def _send_once(self, provider: Provider, operation: str, call: AdapterCall[T_co]) -> T_co:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            with self._gates[provider.name].request():
                async with asyncio.timeout(provider.policy.deadline_seconds + _STORES_WITHIN):
                    return await call()
        except TimeoutError:
            raise UnreachableError(Arrival.UNKNOWN) from None
        finally:
            self._metrics.requested(provider.name, operation, loop.time() - started)

    def _record(self, provider: Provider, operation: str, outcome: RequestOutcome) -> None:
        self._metrics.concluded(provider.name, operation, outcome)
        gate = self._gates[provider.name]
        if outcome is RequestOutcome.UNREACHABLE:
            gate.record_failure()
        elif outcome is not RequestOutcome.UNCERTAIN:
            gate.record_answer()
