"""People who ask for help: they write tickets, follow them, add to them, and close them."""

import random
import uuid

from locust import between, task

from load.wire import TICKETS
from scenarios.persona import Persona


class TicketWriter(Persona):
    """Has a few tickets open at a time, and closes what is left at the end: tickets cannot be deleted."""

    wait_time = between(2, 6)

    def on_start(self) -> None:
        """Begin without tickets."""
        self.open: list[str] = []
        super().on_start()

    def on_stop(self) -> None:
        """Leave nothing open."""
        for ticket in list(self.open):
            self._close(ticket)
        super().on_stop()

    @task(3)
    def write(self) -> None:
        """Ask for something; an answer that got lost is asked for again, and makes no second ticket."""
        body = {
            "subject": f"Load test {self.run_data.people.run}: the engine is stuck",
            "body": "Again.\n" * 9,
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.session.request(f"POST {TICKETS}", body=body, headers=headers)
        if answer.status == 0:
            answer = self.session.request(f"POST {TICKETS}", body=body, headers=headers)
        if answer.ok:
            self.open.append(answer.body["id"])

    @task(4)
    def follow(self) -> None:
        """Look at one's tickets, and open one with its thread."""
        found = self.session.request(f"GET {TICKETS}", query={"sort": "-updated_at", "limit": "20"}).items
        if found:
            self.pause()
            at = {"ticket_id": random.choice(found)["id"]}
            self.session.request(f"GET {TICKETS}/{{ticket_id}}", at=at)
            self.session.request(f"GET {TICKETS}/{{ticket_id}}/replies", at=at)

    @task(2)
    def add(self) -> None:
        """Write a reply."""
        if self.open:
            body = {"body": "Since this morning. Third floor."}
            at = {"ticket_id": random.choice(self.open)}
            self.session.request(f"POST {TICKETS}/{{ticket_id}}/replies", at=at, body=body)

    @task(1)
    def close(self) -> None:
        """Close the oldest that is open."""
        if self.open:
            self._close(self.open[0])

    def _close(self, ticket: str) -> None:
        # 409: an administrator was quicker.
        at = {"ticket_id": ticket}
        answer = self.session.request(f"PATCH {TICKETS}/{{ticket_id}}/close", at=at, expected=[409])
        if answer.ok or answer.status == 409:
            self.open.remove(ticket)
