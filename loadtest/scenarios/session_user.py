"""Base class of all simulated users."""

import random
from typing import Any

from locust import FastHttpUser, between

from load.user_session import Account, UserSession
from scenarios import run
from scenarios.locust_client import LocustClient


class SessionUser(FastHttpUser):
    """A user with a session, and a wait between tasks."""

    abstract = True
    wait_time = between(1, 5)
    connection_timeout = 10.0
    network_timeout = 40.0  # longer than HAProxy's timeout for a service

    def __init__(self, environment: Any) -> None:
        self.run_data = run.current()
        self.insecure = self.run_data.insecure
        self.ssl_context_factory = self.run_data.tls
        super().__init__(environment)
        early = random.random() < 0.5
        self.session = UserSession(LocustClient(self.client), self.account(), refreshes_early=early)

    def account(self) -> Account:
        return self.run_data.accounts.take()

    def on_start(self) -> None:
        # The spawn rate is therefore the login rate; each login costs a password hash.
        self.session.log_in()

    def on_stop(self) -> None:
        self.session.log_out()

    def pause(self) -> None:
        """Wait as between two tasks; locust may stop the user meanwhile."""
        self.wait()  # type: ignore[no-untyped-call] # locust's own has no types
