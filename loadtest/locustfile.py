"""A team's traffic: `make load`, or `locust -f loadtest/locustfile.py`. See README.md."""

from scenarios.admin import AdminUser
from scenarios.run import lifecycle
from scenarios.team import BrowsingUser, LoginUser
from scenarios.tickets import TicketUser

# locust runs the user classes that it finds here: all, or those named on the command line.
__all__ = ["AdminUser", "BrowsingUser", "LoginUser", "TicketUser"]

lifecycle.install()
