"""Every peer that can do a kind of work is prepared, warmed up and measured, in rotated rounds."""

import dataclasses
import time

from bench.peers.measurement import measure
from bench.peers.peer import Kind, Load, Peer, Work
from bench.plan import QUICK

PLAN = dataclasses.replace(QUICK, rounds=2, window=0.02)


def _peer(name: str, calls: list[str], *kinds: Kind, warm_up: float = 1.0, longest: float = 1.0) -> Peer:
    def run_for(seconds: float) -> int:
        calls.append(f"{name} runs {seconds:.2f}")
        time.sleep(min(seconds, longest))  # as a load takes its time
        return 7

    def start() -> Load:
        calls.append(f"{name} starts")
        return Load(run_for, lambda: calls.append(f"{name} prepares"))

    return Peer(name, {}, [], {kind: Work(f"GET /{kind}", start) for kind in kinds}, warm_up)


def test_preparation_comes_before_each_run_and_the_warm_up_counts_for_nothing() -> None:
    calls: list[str] = []
    peers = [_peer("a", calls, Kind.PAGE, warm_up=6.0), _peer("b", calls, Kind.PAGE, Kind.LOGIN)]
    result = measure(Kind.PAGE, peers, None, PLAN)
    warmed_up = ["a starts", "a prepares", "a runs 0.12", "b starts", "b prepares", "b runs 0.02"]
    measured = [f"{name} {what}" for name in "abba" for what in ("prepares", "runs 0.02")]
    assert calls == [*warmed_up, *measured]
    assert [[sample.responses for sample in result.samples[name]] for name in "ab"] == [[7, 7], [7, 7]]


def test_what_a_peer_cannot_do_is_left_out() -> None:
    calls: list[str] = []
    result = measure(Kind.LOGIN, [_peer("a", calls, Kind.PAGE), _peer("b", calls, Kind.LOGIN)], None, PLAN)
    assert list(result.samples) == ["b"]
    assert result.requests == {"b": "GET /login"}


def test_a_load_that_ends_early_is_warmed_up_again() -> None:
    calls: list[str] = []
    measure(Kind.EXCHANGE, [_peer("a", calls, Kind.EXCHANGE, warm_up=6.0, longest=0.05)], None, PLAN)
    runs_in_rounds = PLAN.rounds
    assert calls.count("a prepares") > 1 + runs_in_rounds
