"""Creates the test accounts of a run and removes them, as an administrator."""

import itertools
import os
import random
import re
import secrets
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any, Final

from load.http_client import USERS, HttpClient, LoadError, Response, Transport, tls_context
from load.options import PASSWORD
from load.user_session import Account, UserSession

NAME: Final = "Load test"
"""Prefix of the name of every test account."""

_PAGE_SIZE: Final = "200"
_RETRIES: Final = 20
_REMOVAL_ROUNDS: Final = 5
_CREATED: Final = 201
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500


class UserProvisioning:
    """An administrator's session that retries, so that a limit or outage leaves no test account behind."""

    def __init__(
        self, admin: UserSession, domain: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.domain = domain
        self.admin = admin.account
        self._session = admin
        self._sleep = sleep

    def request(self, route: str, **options: Any) -> Response:
        """Send a request; retry while the response is a limit, a server error or missing."""
        response = self._session.request(route, **options)
        for _ in range(_RETRIES):
            if response.status and response.status < _SERVER_ERROR and not response.is_rejection:
                break
            self._sleep(response.retry_after or 1.0)
            response = self._session.request(route, **options)
        return response

    def remove(self, prefix: str = "load-") -> int:
        """Remove the test accounts of one run, or of every run; return how many.

        Reads them from the directory, because the response to a creation may have been lost.
        """
        removed = 0
        # A creation that was in progress when the run stopped may become visible late.
        for _ in range(_REMOVAL_ROUNDS):
            users = [user for user in self._directory(prefix) if is_test_account(user, self.domain)]
            if not users:
                return removed
            removed += sum(map(self._delete, users))
        raise LoadError(f"accounts named {prefix}... still exist after {_REMOVAL_ROUNDS} rounds of removal")

    def close(self) -> None:
        self._session.log_out()

    def _delete(self, user: dict[str, Any]) -> bool:
        route, params = f"DELETE {USERS}/{{user_id}}", {"user_id": user["id"]}
        response = self.request(route, path_params=params, expected=[_NOT_FOUND])
        if not response.ok and response.status != _NOT_FOUND:
            raise LoadError(f"{user['email']} could not be removed: {response}")
        return response.ok

    def _directory(self, prefix: str) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = []
        query = {"q": prefix, "limit": _PAGE_SIZE}
        while True:
            response = self.request(f"GET {USERS}", query=query)
            if not response.ok:
                raise LoadError(f"the directory could not be read as an administrator: {response}")
            users += response.items
            if response.body["next_cursor"] is None:
                return users
            query["cursor"] = response.body["next_cursor"]


class AccountPool:
    """The test accounts of one run. Their email addresses name it: `load-RUN-NUMBER@DOMAIN`."""

    def __init__(self, provisioning: UserProvisioning) -> None:
        self.run: Final = secrets.token_hex(4)
        self._provisioning = provisioning
        self._accounts: list[Account] = []
        self._rotation: Iterator[Account] = iter(())

    def create(self, count: int) -> None:
        """Create the accounts one at a time, because each costs the installation a password hash.

        Raises LoadError.
        """
        if count < 1:
            raise LoadError(f"{count} accounts are too few")
        for number in range(count):
            email = f"load-{self.run}-{number}@{self._provisioning.domain}"
            password = f"load {secrets.token_urlsafe(12)}"
            body = {"email": email, "name": self.name_of(number), "password": password}
            response = self._provisioning.request(f"POST {USERS}", body=body)
            if response.status != _CREATED:
                raise LoadError(f"{email} could not be created as an administrator: {response}")
            self._accounts.append(Account(email, password, response.body["id"]))
        self._rotation = itertools.cycle(self._accounts)

    def name_of(self, what: int | str) -> str:
        """Return a name for an account of this run."""
        return f"{NAME} {self.run} {what}"

    def take(self) -> Account:
        """Return the next account, in rotation; each time as a new device."""
        account = next(self._rotation)
        return Account(account.email, account.password, account.id)

    def random_account(self) -> Account:
        return random.choice(self._accounts)

    def check_login(self, transport: Transport) -> bool:
        """Log one account in and out; return whether users may read the directory. Raises LoadError."""
        session = UserSession(transport, self.take())
        login = session.log_in()
        if not login.ok:
            raise LoadError(f"{session.account.email} was created but cannot log in: {login}")
        readable = session.request(f"GET {USERS}", query={"limit": "1"}, expected=[_FORBIDDEN]).ok
        session.log_out()
        return readable

    def remove(self) -> int:
        """Remove every account of this run; return how many."""
        return self._provisioning.remove(f"load-{self.run}-")


def is_test_account(user: dict[str, Any], domain: str) -> bool:
    """Check email and name, because `load-balancer@` may be a real user."""
    address = rf"load-[0-9a-f]{{8}}-[0-9]+@{re.escape(domain)}"
    return re.fullmatch(address, user["email"]) is not None and user["name"].startswith(f"{NAME} ")


def open_provisioning(base_url: str, options: Namespace) -> UserProvisioning:
    """Log in the administrator from the options and the environment; raises LoadError."""
    password = os.environ.get(PASSWORD, "")
    if not password:
        raise LoadError(f"{PASSWORD} is not set: an administrator creates and removes the test accounts")
    if not base_url.startswith(("http://", "https://")):
        raise LoadError(f"{base_url!r} is not an http(s) URL: give the part before /api/v1")
    client = HttpClient(base_url, tls_context(options.ca_file, insecure=options.insecure))
    admin = UserSession(client, Account(options.admin_email, password))
    login = admin.log_in()
    if not login.ok:
        raise LoadError(f"{options.admin_email} could not log in at {base_url}: {login}")
    return UserProvisioning(admin, options.mail_domain)
