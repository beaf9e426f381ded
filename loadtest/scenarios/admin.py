"""An administrator at work: searches, edits and answers tickets, but changes only data of the run."""

import random
from typing import Any, Final

from locust import between, task

from load.http_client import AUTH, TICKETS, USERS
from load.user_session import Account
from scenarios.session_user import SessionUser

_PRECONDITION_FAILED: Final = 412
_ATTEMPTS: Final = 3


class AdminUser(SessionUser):
    """Uses the given administrator in sessions of its own, because no further administrator is created."""

    weight = 5
    wait_time = between(2, 6)

    def account(self) -> Account:
        admin = self.run_data.provisioning.admin
        return Account(admin.email, admin.password)

    @task(4)
    def search_and_edit(self) -> None:
        query = {"q": self.run_data.accounts.random_account().email[:-4], "sort": "email"}
        users = self.session.request(f"GET {USERS}", query=query).items
        if users:
            self.pause()
            self._change_name({"user_id": users[0]["id"]})

    @task(2)
    def filter_users(self) -> None:
        query = {"role": random.choice(["user", "admin"]), "status": "active", "limit": "100"}
        self.session.request(f"GET {USERS}", query=query)

    @task(1)
    def read_audit_log(self) -> None:
        self.session.request(f"GET {AUTH}/audit", query={"limit": "50", "action": "auth:login:succeeded"})

    @task(4)
    def answer_ticket(self) -> None:
        """Raise an open ticket's priority, reply, and close half of them."""
        query = {"q": self.run_data.accounts.run, "status": "open", "limit": "20"}
        tickets = self.session.request(f"GET {TICKETS}", query=query).items
        if not tickets:
            return
        params = {"ticket_id": random.choice(tickets)["id"]}
        self.session.request(f"GET {TICKETS}/{{ticket_id}}", path_params=params)
        self.pause()
        # 409: the author closed the ticket meanwhile.
        self.session.request(
            f"PATCH {TICKETS}/{{ticket_id}}", path_params=params, body={"priority": "high"}, expected=[409]
        )
        reply = {"body": "Have you tried to turn it off and on again?"}
        self.session.request(f"POST {TICKETS}/{{ticket_id}}/replies", path_params=params, body=reply)
        if random.random() < 0.5:
            self.session.request(f"PATCH {TICKETS}/{{ticket_id}}/close", path_params=params, expected=[409])

    def _change_name(self, params: dict[str, str]) -> None:
        """Change a name with `If-Match`; read the user again when another client changed it."""
        for _ in range(_ATTEMPTS):
            user = self.session.request(f"GET {USERS}/{{user_id}}", path_params=params)
            if not user.ok:
                return
            options: dict[str, Any] = {
                "headers": {"If-Match": user.headers["etag"]},
                "body": {"name": self.run_data.accounts.name_of(random.choice(["Edsger", "Frances", "Ken"]))},
                "expected": [_PRECONDITION_FAILED],
            }
            response = self.session.request(f"PATCH {USERS}/{{user_id}}", path_params=params, **options)
            if response.status != _PRECONDITION_FAILED:
                return
