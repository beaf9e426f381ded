"""How long to look: the full run, and a quick one that only shows that everything works."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plan:
    """Sizes of a run. Windows are in seconds."""

    people: int
    depth: int
    rounds: int
    window: float
    latency_rounds: int
    latency_window: float
    page_rounds: int
    pages: int
    starts: int
    tickets: int
    ticket_depth: int
    searches: int


FULL: Final = Plan(
    people=120_000,
    depth=100_000,
    rounds=9,
    window=3.0,
    latency_rounds=6,
    latency_window=8.0,
    page_rounds=7,
    pages=40,
    starts=7,
    tickets=1_000_000,
    ticket_depth=10_000,
    searches=150,
)
QUICK: Final = Plan(
    people=12_000,
    depth=10_000,
    rounds=3,
    window=1.0,
    latency_rounds=2,
    latency_window=3.0,
    page_rounds=3,
    pages=10,
    starts=2,
    tickets=50_000,
    ticket_depth=2_000,
    searches=40,
)
