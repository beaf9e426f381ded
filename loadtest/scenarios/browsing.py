"""A team's people, as they are most of the time: they look, and stay signed in."""

import random

from locust import task

from load.wire import AUTH, USERS
from scenarios.persona import Persona


class BrowsingPerson(Persona):
    """Opens the profile again and again, reads the directory, looks somebody up."""

    etag = ""

    @task(8)
    def profile(self) -> None:
        """Read one's own profile, as a client that remembers the last answer."""
        headers = {"If-None-Match": self.etag} if self.etag else {}
        answer = self.session.request(f"GET {USERS}/me", headers=headers)
        self.etag = answer.headers.get("etag", self.etag)

    @task(3)
    def directory(self) -> None:
        """Read the first page of the directory, and often the next, where everybody may."""
        if not self.run_data.directory_is_open:
            return
        query = {"limit": "50", "sort": random.choice(["name", "-created_at"])}
        answer = self.session.request(f"GET {USERS}", query=query)
        if answer.ok and answer.body["next_cursor"] and random.random() < 0.5:
            self.pause()
            self.session.request(f"GET {USERS}", query={**query, "cursor": answer.body["next_cursor"]})

    @task(3)
    def colleague(self) -> None:
        """Search for somebody by the start of a name, and open who is found."""
        if not self.run_data.directory_is_open:
            return
        found = self.session.request(f"GET {USERS}", query={"q": self.run_data.people.name_of("")[:-3]}).items
        if found:
            self.pause()
            at = {"user_id": random.choice(found)["id"]}
            # Whom the list still had may have been removed in between: by other people than ours.
            self.session.request(f"GET {USERS}/{{user_id}}", at=at, expected=[404])

    @task(1)
    def account(self) -> None:
        """See where one is signed in, and what happened to the account."""
        self.session.request(f"GET {AUTH}/sessions")
        self.session.request(f"GET {USERS}/me/activity", query={"limit": "20"})

    @task(1)
    def rename(self) -> None:
        """Change one's own name, and back the next time."""
        name = self.run_data.people.name_of(random.choice(["Ada", "Grace", "Barbara"]))
        self.session.request(f"PATCH {USERS}/me", body={"name": name})
