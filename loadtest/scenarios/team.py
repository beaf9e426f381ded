"""Members of a team: they browse and stay logged in, or log in, read and log out."""

import random
import time

from locust import task

from load.http_client import AUTH, USERS
from scenarios.session_user import SessionUser


class BrowsingUser(SessionUser):
    """Reads the own profile often, and the directory."""

    weight = 65
    etag = ""

    @task(8)
    def read_profile(self) -> None:
        headers = {"If-None-Match": self.etag} if self.etag else {}
        response = self.session.request(f"GET {USERS}/me", headers=headers)
        self.etag = response.headers.get("etag", self.etag)

    @task(3)
    def list_users(self) -> None:
        """Read the directory's first page, and often the second, where users may."""
        if not self.run_data.directory_is_open:
            return
        query = {"limit": "50", "sort": random.choice(["name", "-created_at"])}
        response = self.session.request(f"GET {USERS}", query=query)
        if response.ok and response.body["next_cursor"] and random.random() < 0.5:
            self.pause()
            self.session.request(f"GET {USERS}", query={**query, "cursor": response.body["next_cursor"]})

    @task(3)
    def find_user(self) -> None:
        """Search by the start of a name, and read one of the users found."""
        if not self.run_data.directory_is_open:
            return
        query = {"q": self.run_data.accounts.name_of("")[:-3]}
        users = self.session.request(f"GET {USERS}", query=query).items
        if users:
            self.pause()
            params = {"user_id": random.choice(users)["id"]}
            # 404: the user may have been removed since the search.
            self.session.request(f"GET {USERS}/{{user_id}}", path_params=params, expected=[404])

    @task(1)
    def read_account(self) -> None:
        self.session.request(f"GET {AUTH}/sessions")
        self.session.request(f"GET {USERS}/me/activity", query={"limit": "20"})

    @task(1)
    def change_name(self) -> None:
        name = self.run_data.accounts.name_of(random.choice(["Ada", "Grace", "Barbara"]))
        self.session.request(f"PATCH {USERS}/me", body={"name": name})


class LoginUser(SessionUser):
    """Logs in, reads the profile and logs out; from the second time on from a known device."""

    weight = 10

    def on_start(self) -> None:
        """Start without a session, because the task logs in."""

    @task
    def log_in_and_out(self) -> None:
        if self.run_data.may_use_wrong_password(self.session.account):
            self.session.log_in_with_wrong_password()
            time.sleep(2)  # longer than the first wait after the free attempts
        if self.session.log_in().ok:
            self.session.request(f"GET {USERS}/me")
            self.pause()
            self.session.log_out()
