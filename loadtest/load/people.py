"""People of a run: made before it, and removed after it."""

import itertools
import random
import secrets
from collections.abc import Iterator
from typing import Final

from load.office import NAME, Office
from load.session import Person, Session
from load.wire import USERS, LoadError, Transport

_CREATED: Final = 201
_FORBIDDEN: Final = 403


class People:
    """The people of one run. Their addresses name it: `load-RUN-NUMBER@DOMAIN`."""

    def __init__(self, office: Office) -> None:
        self.run: Final = secrets.token_hex(4)
        self._office = office
        self._made: list[Person] = []
        self._turns: Iterator[Person] = iter(())

    def create(self, count: int) -> None:
        """Make so many, one after the other: each costs the installation the hash of a password.

        Raises LoadError.
        """
        if count < 1:
            raise LoadError(f"{count} people are too few: nobody would come")
        for number in range(count):
            email, password = f"load-{self.run}-{number}@{self._office.domain}", new_password()
            body = {"email": email, "name": self.name_of(number), "password": password}
            answer = self._office.ask(f"POST {USERS}", body=body)
            if answer.status != _CREATED:
                raise LoadError(f"{email} could not be created as an administrator: {answer}")
            self._made.append(Person(email, password, answer.body["id"]))
        self._turns = itertools.cycle(self._made)

    def name_of(self, what: int | str) -> str:
        """Return a name that somebody of this run may have."""
        return f"{NAME} {self.run} {what}"

    def take(self) -> Person:
        """Return whose turn it is; whoever is taken again comes with another device."""
        person = next(self._turns)
        return Person(person.email, person.password, person.id)

    def somebody(self) -> Person:
        """Return anybody of the run, to look at."""
        return random.choice(self._made)

    def try_out(self, transport: Transport) -> bool:
        """Sign one of them in and out; tell whether they may read the directory. Raises LoadError."""
        session = Session(transport, self.take())
        login = session.sign_in()
        if not login.ok:
            raise LoadError(f"{session.person.email} was made and cannot sign in: {login}")
        readable = session.request(f"GET {USERS}", query={"limit": "1"}, expected=[_FORBIDDEN]).ok
        session.sign_out()
        return readable

    def remove(self) -> int:
        """Remove everybody of this run; return how many."""
        return self._office.remove(f"load-{self.run}-")


def new_password() -> str:
    """Return a password that nobody guesses."""
    return f"load {secrets.token_urlsafe(12)}"
