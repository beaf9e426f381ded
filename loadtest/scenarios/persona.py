"""What all kinds of people have in common."""

import random
from typing import Any

from locust import FastHttpUser, between

from load.session import Person, Session
from scenarios import run
from scenarios.measured import Measured


class Persona(FastHttpUser):
    """Somebody with a session, who waits between one thing and the next."""

    abstract = True
    wait_time = between(1, 5)
    connection_timeout = 10.0
    network_timeout = 40.0  # longer than HAProxy waits for a service

    def __init__(self, environment: Any) -> None:
        self.run_data = run.current()
        self.insecure = self.run_data.insecure
        self.ssl_context_factory = self.run_data.tls
        super().__init__(environment)
        early = random.random() < 0.5
        self.session = Session(Measured(self.client), self.who(), renews_early=early)

    def who(self) -> Person:
        """Return whose session this is."""
        return self.run_data.people.take()

    def on_start(self) -> None:
        """Sign in: so many a second as users are spawned, because each costs a hash."""
        self.session.sign_in()

    def on_stop(self) -> None:
        """Sign out."""
        self.session.sign_out()

    def pause(self) -> None:
        """Wait as between two tasks: whoever waits may be stopped."""
        self.wait()  # type: ignore[no-untyped-call] # locust's own has no types
