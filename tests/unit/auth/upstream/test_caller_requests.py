"""What requests of callers do to the gate of callers."""

import pytest
from prometheus_client import CollectorRegistry

from doorward_auth.upstream.grants.metrics import RequestOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream_adapters.base import UnreachableError, UpstreamError
from doorward_auth.upstream_adapters.rest import RestAdapter
from support.scripted_upstream import Reply, ScriptedUpstream, Then, answer
from unit.auth.upstream.adapters import LOGIN

OUTCOMES = {
    "wrong password": "rejected",
    "rejected": "rejected",
    "throttled": "throttled",
    "misconfigured": "misconfigured",
    "failed": "failed",
    "malformed": "malformed",
    "success": "succeeded",
}
SETTLED = {
    "wrong password": answer(401),
    "rejected": answer(422),
    "throttled": answer(429),
    "misconfigured": answer(403),
    "failed": answer(500),
    "malformed": answer(200, "no JSON"),
    "success": answer(200, LOGIN),
}


class Callers:
    """Requests to one upstream."""

    def __init__(self, rest: RestAdapter) -> None:
        self.registry = CollectorRegistry()
        self._provider = Provider("theapi", rest)
        self._rest = rest
        self.metrics = UpstreamMetrics(self.registry, ["theapi"])
        self._requests = UpstreamRequests(Providers.of([self._provider]), self.metrics)
        self.gate = self._requests._gates["theapi"]

    def counts(self) -> dict[str, float]:
        """Return the logins by outcome."""
        samples = [sample for family in self.registry.collect() for sample in family.samples]
        return {
            sample.labels["outcome"]: sample.value
            for sample in samples
            if sample.name == "doorward_upstream_requests_total" and sample.labels["request"] == "login"
        }

    def counted(self) -> dict[str, float]:
        return {outcome: count for outcome, count in self.counts().items() if count}

    async def log_in(self) -> str:
        """Return how a login ends."""
        try:
            await self._requests.send(
                self._provider, "login", lambda: self._rest.log_in("ada@example.com", "a password")
            )
        except UpstreamError as error:
            return type(error).__name__
        return "success"


@pytest.fixture
def callers(rest: RestAdapter) -> Callers:
    return Callers(rest)


@pytest.mark.parametrize("name", SETTLED)
async def test_any_answer_ends_an_outage(callers: Callers, upstream: ScriptedUpstream, name: str) -> None:
    callers.gate.record_failure()
    callers.gate._breaker._resume_at = 0.0  # as a second later
    assert callers.gate.permits(4) == 1, "one on trial"
    upstream.will(SETTLED[name])
    await callers.log_in()
    assert callers.gate.permits(4) == 4


@pytest.mark.parametrize("name", SETTLED)
async def test_each_answer_is_counted(callers: Callers, upstream: ScriptedUpstream, name: str) -> None:
    assert callers.counted() == {}
    assert len(callers.counts()) == len(RequestOutcome), "an increase needs a first value"
    upstream.will(SETTLED[name])
    await callers.log_in()
    assert callers.counted() == {OUTCOMES[name]: 1}


async def test_logins_that_succeed_do_not_hide_refreshes_that_fail(
    callers: Callers, upstream: ScriptedUpstream
) -> None:
    callers.metrics.set_up("theapi", is_up=False)
    upstream.will(answer(200, LOGIN))
    assert await callers.log_in() == "success"
    assert callers.registry.get_sample_value("doorward_upstream_up", {"provider": "theapi"}) == 0


async def test_only_a_connection_that_fails_opens_the_circuit(
    callers: Callers, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.will(Reply(then=Then.RESET), answer(500), answer(403))
    for _ in range(3):
        await callers.log_in()
    assert callers.gate.permits(4) == 4
    elsewhere = callers._rest._settings.model_copy(update={"base_url": "http://127.0.0.1:1"})
    monkeypatch.setattr(callers._rest, "_settings", elsewhere)
    assert await callers.log_in() == UnreachableError.__name__
    assert callers.gate.permits(4) == 0
    assert await callers.log_in() == UnreachableError.__name__
    assert len(upstream.received) == 3
    counted = {"uncertain": 1, "failed": 1, "misconfigured": 1, "unreachable": 1, "not_asked": 1}
    assert callers.counted() == counted
