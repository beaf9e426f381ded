"""Requests that a caller waits for: one each, within the provider's gate and deadline."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, TypeVar

from doorward_auth.upstream.grants.gate import ProviderGate
from doorward_auth.upstream.grants.metrics import UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream_adapters.base import Arrival, UnreachableError, UpstreamError

T_co = TypeVar("T_co", covariant=True)

_STORES_WITHIN: Final = 2.0


class Call(Protocol[T_co]):
    """Sends the request."""

    def __call__(self) -> Awaitable[T_co]: ...


class UpstreamRequests:
    """Sends requests of callers. Only an upstream that cannot be connected to opens its circuit breaker.

    Every other failure, also a late answer, may be about what one caller sent, and must not shut others out.
    Their gates are not those of refreshes: a flood of logins delays no refresh, and refreshes that fail keep
    nobody from logging in.
    """

    def __init__(self, providers: Providers, metrics: UpstreamMetrics) -> None:
        self._gates = {
            provider.name: ProviderGate(provider.policy.requests_per_second) for provider in providers.all()
        }
        self._metrics = metrics

    async def send(self, provider: Provider, operation: str, call: Call[T_co]) -> T_co:
        """Return the adapter's result; raises UpstreamError."""
        gate = self._gates[provider.name]
        if not gate.permits(1):
            raise UnreachableError(Arrival.NOT_SENT)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            with gate.request():
                async with asyncio.timeout(provider.policy.deadline_seconds + _STORES_WITHIN):
                    result = await call()
        except TimeoutError:
            raise UnreachableError(Arrival.UNKNOWN) from None
        except UpstreamError as error:
            if isinstance(error, UnreachableError) and error.arrival is Arrival.NOT_SENT:
                gate.record_failure()
                self._metrics.set_up(provider.name, is_up=False)
            raise
        finally:
            self._metrics.requested(provider.name, operation, loop.time() - started)
        gate.record_answer()
        self._metrics.set_up(provider.name, is_up=True)
        return result
