"""The mix: of a hundred people, so many of each kind."""

from collections.abc import Mapping
from typing import Final

from scenarios.admin import Administrator
from scenarios.browsing import BrowsingPerson
from scenarios.logins import ArrivingPerson
from scenarios.persona import Persona
from scenarios.tickets import TicketWriter

MIX: Final[Mapping[type[Persona], int]] = {
    BrowsingPerson: 65,
    TicketWriter: 20,
    ArrivingPerson: 10,
    Administrator: 5,
}


def weigh() -> None:
    """Tell locust how often each kind is met."""
    for kind, weight in MIX.items():
        kind.weight = weight
