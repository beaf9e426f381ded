"""An administrator at work: searches, edits, answers tickets. Changes nothing but what belongs to the run."""

import random
from typing import Any, Final

from locust import between, task

from load.session import Person
from load.wire import AUTH, TICKETS, USERS
from scenarios.persona import Persona

_CHANGED: Final = 412
_ATTEMPTS: Final = 3


class Administrator(Persona):
    """The administrator that was given, in one more session: no account with so many rights is made."""

    wait_time = between(2, 6)

    def who(self) -> Person:
        """Return the administrator, on a device of this user's own."""
        admin = self.run_data.office.person
        return Person(admin.email, admin.password)

    @task(4)
    def search_and_edit(self) -> None:
        """Find somebody of the run by the address, open the entry, and change the name."""
        query = {"q": self.run_data.people.somebody().email[:-4], "sort": "email"}
        found = self.session.request(f"GET {USERS}", query=query).items
        if found:
            self.pause()
            self._rename({"user_id": found[0]["id"]})

    @task(2)
    def filter(self) -> None:
        """Go through the directory by role and status."""
        query = {"role": random.choice(["user", "admin"]), "status": "active", "limit": "100"}
        self.session.request(f"GET {USERS}", query=query)

    @task(1)
    def audit(self) -> None:
        """Read what happened lately."""
        self.session.request(f"GET {AUTH}/audit", query={"limit": "50", "action": "auth:login:succeeded"})

    @task(4)
    def answer_tickets(self) -> None:
        """Take an open ticket of the run, answer it, and close it now and then."""
        query = {"q": self.run_data.people.run, "status": "open", "limit": "20"}
        found = self.session.request(f"GET {TICKETS}", query=query).items
        if not found:
            return
        at = {"ticket_id": random.choice(found)["id"]}
        self.session.request(f"GET {TICKETS}/{{ticket_id}}", at=at)
        self.pause()
        self.session.request(
            f"PATCH {TICKETS}/{{ticket_id}}", at=at, body={"priority": "high"}, expected=[409]
        )
        reply = {"body": "Have you tried to turn it off and on again?"}
        self.session.request(f"POST {TICKETS}/{{ticket_id}}/replies", at=at, body=reply)
        if random.random() < 0.5:
            # Its author may have closed it in the meantime.
            self.session.request(f"PATCH {TICKETS}/{{ticket_id}}/close", at=at, expected=[409])

    def _rename(self, at: dict[str, str]) -> None:
        """Change a name, if nobody else did so meanwhile; look again if somebody did."""
        for _ in range(_ATTEMPTS):
            entry = self.session.request(f"GET {USERS}/{{user_id}}", at=at)
            if not entry.ok:
                return
            options: dict[str, Any] = {
                "headers": {"If-Match": entry.headers["etag"]},
                "body": {"name": self.run_data.people.name_of(random.choice(["Edsger", "Frances", "Ken"]))},
                "expected": [_CHANGED],
            }
            if self.session.request(f"PATCH {USERS}/{{user_id}}", at=at, **options).status != _CHANGED:
                return
