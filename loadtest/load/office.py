"""An administrator who makes people and removes them."""

import os
import re
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any, Final

from load.direct import Direct, tls_context
from load.options import PASSWORD
from load.session import Person, Session
from load.wire import USERS, Answer, LoadError

NAME: Final = "Load test"
"""How the names of everybody who is made begin."""

_PAGE: Final = "200"
_ATTEMPTS: Final = 20
_ROUNDS: Final = 5
_NOT_FOUND: Final = 404
_FAILED: Final = 500


class Office:
    """An administrator's session, used with patience: nothing of a run may stay because of a "not now"."""

    def __init__(self, admin: Session, domain: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.domain = domain
        self.person = admin.person
        self._admin = admin
        self._sleep = sleep

    def ask(self, route: str, **options: Any) -> Answer:
        """Send a request, and send it again while the answer is a limit, an outage or none."""
        answer = self._admin.request(route, **options)
        for _ in range(_ATTEMPTS):
            if answer.status and answer.status < _FAILED and not answer.is_refusal:
                break
            self._sleep(answer.retry_after or 1.0)
            answer = self._admin.request(route, **options)
        return answer

    def remove(self, prefix: str = "load-") -> int:
        """Remove the people of one run, or of every run, also of those that were killed; return how many.

        They are found in the directory and not by what is remembered, so that nobody is forgotten whose
        answer was lost.
        """
        removed = 0
        # Who was being made when the run was stopped may come late.
        for _ in range(_ROUNDS):
            found = [user for user in self._directory(prefix) if is_ours(user, self.domain)]
            if not found:
                return removed
            removed += sum(map(self._delete, found))
        raise LoadError(f"there are still people named {prefix}... after {_ROUNDS} rounds of removing them")

    def close(self) -> None:
        """Sign the administrator out."""
        self._admin.sign_out()

    def _delete(self, user: dict[str, Any]) -> bool:
        route, at = f"DELETE {USERS}/{{user_id}}", {"user_id": user["id"]}
        answer = self.ask(route, at=at, expected=[_NOT_FOUND])
        if not answer.ok and answer.status != _NOT_FOUND:
            raise LoadError(f"{user['email']} could not be removed: {answer}")
        return answer.ok

    def _directory(self, prefix: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"q": prefix, "limit": _PAGE}
        while True:
            answer = self.ask(f"GET {USERS}", query=query)
            if not answer.ok:
                raise LoadError(f"the directory could not be read as an administrator: {answer}")
            found += answer.items
            if answer.body["next_cursor"] is None:
                return found
            query["cursor"] = answer.body["next_cursor"]


def is_ours(user: dict[str, Any], domain: str) -> bool:
    """Tell whether a run made this user: by address and name, for `load-balancer@` may be somebody real."""
    address = rf"load-[0-9a-f]{{8}}-[0-9]+@{re.escape(domain)}"
    return re.fullmatch(address, user["email"]) is not None and user["name"].startswith(f"{NAME} ")


def open_office(base_url: str, options: Namespace) -> Office:
    """Sign the administrator in whom the options and the environment name; raises LoadError."""
    password = os.environ.get(PASSWORD, "")
    if not password:
        raise LoadError(
            f"{PASSWORD} is not set: the password of an administrator, who makes and removes people"
        )
    if not base_url.startswith(("http://", "https://")):
        raise LoadError(f"{base_url!r} is no http(s) address: give what is in front of /api/v1")
    direct = Direct(base_url, tls_context(options.ca_file, insecure=options.insecure))
    admin = Session(direct, Person(options.admin_email, password))
    login = admin.sign_in()
    if not login.ok:
        raise LoadError(f"{options.admin_email} could not sign in at {base_url}: {login}")
    return Office(admin, options.mail_domain)
