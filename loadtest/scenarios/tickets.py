"""Users with a problem: they create tickets, read them, reply and close them."""

import random
import uuid

from locust import between, task

from load.http_client import TICKETS
from scenarios.session_user import SessionUser


class TicketUser(SessionUser):
    """Closes its open tickets at the end, because users cannot delete tickets."""

    weight = 20
    wait_time = between(2, 6)

    def on_start(self) -> None:
        self.open: list[str] = []
        super().on_start()

    def on_stop(self) -> None:
        for ticket_id in list(self.open):
            self._close(ticket_id)
        super().on_stop()

    @task(3)
    def create(self) -> None:
        """Create a ticket; after a lost response repeat the request, which creates no second ticket."""
        body = {
            "subject": f"Load test {self.run_data.accounts.run}: the engine is stuck",
            "body": "Again.\n" * 9,
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        response = self.session.request(f"POST {TICKETS}", body=body, headers=headers)
        if response.status == 0:
            response = self.session.request(f"POST {TICKETS}", body=body, headers=headers)
        if response.ok:
            self.open.append(response.body["id"])

    @task(4)
    def read(self) -> None:
        """List the own tickets, and read one with its replies."""
        tickets = self.session.request(f"GET {TICKETS}", query={"sort": "-updated_at", "limit": "20"}).items
        if tickets:
            self.pause()
            params = {"ticket_id": random.choice(tickets)["id"]}
            self.session.request(f"GET {TICKETS}/{{ticket_id}}", path_params=params)
            self.session.request(f"GET {TICKETS}/{{ticket_id}}/replies", path_params=params)

    @task(2)
    def reply(self) -> None:
        if self.open:
            body = {"body": "Since this morning. Third floor."}
            params = {"ticket_id": random.choice(self.open)}
            self.session.request(f"POST {TICKETS}/{{ticket_id}}/replies", path_params=params, body=body)

    @task(1)
    def close_oldest(self) -> None:
        if self.open:
            self._close(self.open[0])

    def _close(self, ticket_id: str) -> None:
        # 409: an administrator closed the ticket meanwhile.
        params = {"ticket_id": ticket_id}
        response = self.session.request(
            f"PATCH {TICKETS}/{{ticket_id}}/close", path_params=params, expected=[409]
        )
        if response.ok or response.status == 409:
            self.open.remove(ticket_id)
