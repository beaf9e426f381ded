"""Sizes of a run: the full run, and a quick run that only shows that everything works."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plan:
    """Windows are in seconds; `compared_tickets` is the number in a comparison of two checkouts."""

    users: int
    depth: int
    rounds: int
    window: float
    latency_rounds: int
    latency_window: float
    page_rounds: int
    pages: int
    starts: int
    tickets: int
    compared_tickets: int
    ticket_depth: int
    searches: int
    people: int
    search_depth: int
    memory_requests: int
    stream_window: float


FULL: Final = Plan(
    users=120_000,
    depth=100_000,
    rounds=9,
    window=3.0,
    latency_rounds=6,
    latency_window=8.0,
    page_rounds=7,
    pages=40,
    starts=7,
    tickets=1_000_000,
    compared_tickets=200_000,
    ticket_depth=10_000,
    searches=150,
    people=1_000_000,
    search_depth=10_000,
    memory_requests=10_000,
    stream_window=45.0,
)
QUICK: Final = Plan(
    users=12_000,
    depth=10_000,
    rounds=3,
    window=1.0,
    latency_rounds=2,
    latency_window=3.0,
    page_rounds=3,
    pages=10,
    starts=2,
    tickets=50_000,
    compared_tickets=20_000,
    ticket_depth=2_000,
    searches=40,
    people=20_000,
    search_depth=400,
    memory_requests=2_000,
    stream_window=16.0,
)
