"""Load that looks like a team's: `make load`, or `locust -f loadtest/locustfile.py`. See README.md."""

from scenarios import run
from scenarios.admin import Administrator
from scenarios.browsing import BrowsingPerson
from scenarios.logins import ArrivingPerson
from scenarios.mix import weigh
from scenarios.tickets import TicketWriter

# What locust finds here, it runs: all of them, or those that are named on the command line.
__all__ = ["Administrator", "ArrivingPerson", "BrowsingPerson", "TicketWriter"]

weigh()
run.course.install()
