"""State shared by the steps of a run: an administrator, the created users, and their mail."""

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

import httpx2

from e2e.mailbox import Mail, Mailbox
from e2e.probe import AUTH, USERS, Probe
from e2e.reporter import Reporter, StepFailedError

_ADMIN_SECONDS: Final = 60.0
"""The administrator's access token is renewed after this, before it expires."""


@dataclass(frozen=True)
class Target:
    """The installation to test, and an administrator of it."""

    url: str
    admin_email: str
    admin_password: str
    mail_domain: str
    mail_seconds: float


@dataclass(frozen=True)
class Session:
    """The tokens of a signed-in user."""

    access: str
    refresh: str


@dataclass(frozen=True)
class Member:
    """A user that the run created."""

    id: str
    email: str
    password: str
    session: Session

    @property
    def path(self) -> str:
        """The path of the user in the directory."""
        return f"{USERS}/{self.id}"


class Context(Probe):
    """One run against one installation."""

    def __init__(
        self, target: Target, client: httpx2.Client, reporter: Reporter, mailbox: Mailbox | None
    ) -> None:
        super().__init__(target.url, client, reporter)
        self.target = target
        self.has_created_users = False
        self._mailbox = mailbox
        self._mails_read: Counter[str] = Counter()
        self._admin: Session | None = None
        self._admin_since = 0.0

    @property
    def admin(self) -> str:
        """An access token of the administrator."""
        if self._admin is None:
            self._admin = self._sign_in_as_administrator()
            self._admin_since = time.monotonic()
        elif time.monotonic() - self._admin_since > _ADMIN_SECONDS:
            body = {"refresh_token": self._admin.refresh}
            renewed = self.send("POST", f"{AUTH}/refresh-token", json=body)
            tokens = self.expect("the administrator stays signed in", renewed, 200)
            self._admin = Session(tokens["access_token"], tokens["refresh_token"])
            self._admin_since = time.monotonic()
        return self._admin.access

    def address(self, label: str) -> str:
        """Return an address that is unique to this run."""
        return f"e2e-{self.run}-{label}@{self.target.mail_domain}"

    def log_in(self, email: str, password: str) -> httpx2.Response:
        """Request tokens."""
        return self.send("POST", f"{AUTH}/token", json={"email": email, "password": password})

    def sign_in(self, email: str, password: str) -> Session:
        """Log in without printing a check."""
        return self._session(email, self.log_in(email, password))

    def create(self, label: str, **body: str) -> httpx2.Response:
        """Create an account as the administrator."""
        sent = {"email": self.address(label), "name": f"{label.title()} of {self.run}", **body}
        self.has_created_users = True
        return self.send("POST", USERS, self.admin, json=sent)

    def member(self, label: str) -> Member:
        """Create a user with a password, and sign in."""
        password, email = new_password(), self.address(label)
        created = self.expect(
            "an administrator can create accounts", self.create(label, password=password), 201
        )
        login = self.log_in(email, password)
        if login.status_code == 403 and login.json()["code"] == "password_change_required":
            password = self._choose_another(email, password)
            login = self.log_in(email, password)
        return Member(created["id"], email, password, self._session(email, login))

    def joined(self, email: str, password: str) -> Member:
        """Sign in as a user who has joined by mail."""
        session = self.sign_in(email, password)
        me = self.expect("a signed-in user can read /me", self.send("GET", f"{AUTH}/me", session.access), 200)
        return Member(me["id"], email, password, session)

    def _session(self, email: str, login: httpx2.Response) -> Session:
        body = self.expect(f"{email} can log in", login, 200)
        return Session(body["access_token"], body["refresh_token"])

    def _sign_in_as_administrator(self) -> Session:
        email = self.target.admin_email
        login = self.log_in(email, self.target.admin_password)
        if login.status_code == 403 and login.json().get("code") == "password_change_required":
            raise StepFailedError(
                f"the password of {email} is temporary: choose your own with POST {AUTH}/password"
                " (email, current_password, new_password)"
            )
        return self._session(email, login)

    def _choose_another(self, email: str, password: str) -> str:
        chosen = new_password()
        body = {"email": email, "current_password": password, "new_password": chosen}
        done = self.send("POST", f"{AUTH}/password", json=body)
        self.prove("An administrator's password is temporary here: its owner chooses another", done, 204)
        if self._mailbox is not None:
            self.expect_notification("... and the owner is notified by mail", email)
        return chosen

    @property
    def reads_mail(self) -> bool:
        """Whether there is a mailbox; reports a skipped step if there is none."""
        if self._mailbox is None:
            self.skip("no MAILBOX is given, so the mailed code cannot be read")
        return self._mailbox is not None

    def next_mail(self, address: str) -> Mail:
        """Wait for the next unread mail to an address."""
        assert self._mailbox is not None
        number = self._mails_read[address]
        deadline = time.monotonic() + self.target.mail_seconds
        while len(mails := self._mailbox.mails_to(address)) <= number:
            if time.monotonic() > deadline:
                self.reporter.fail(
                    f"mail no. {number + 1} to {address} within {self.target.mail_seconds:.0f} s",
                    f"{len(mails)} mails; is MAILBOX where this installation writes its mail?",
                )
            time.sleep(0.1)
        self._mails_read[address] += 1
        return mails[number]

    def next_secret(self, address: str) -> str:
        """Wait for the next mail to an address and return the code in it."""
        mail = self.next_mail(address)
        if mail.secret is None:
            self.reporter.fail(f"a code in the mail to {address}", f'the mail "{mail.subject}"')
        return mail.secret

    def expect_notification(self, what: str, address: str) -> None:
        """Wait for the next mail to an address, which must contain no code."""
        mail = self.next_mail(address)
        self.check(what, mail.secret is None, f'a code in the mail "{mail.subject}"')

    def clean_up(self) -> int:
        """Remove the created users and log the administrator out; return the number of removed users."""
        mine = {"q": f"e2e-{self.run}-", "limit": "200"}
        found = self.expect("the directory", self.send("GET", USERS, self.admin, params=mine), 200)["items"]
        for user in found:
            gone = self.send("DELETE", f"{USERS}/{user['id']}", self.admin)
            self.expect(f"{user['email']} is removed", gone, 204)
        self.send("POST", f"{AUTH}/logout", self.admin)
        self._admin = None
        return len(found)


def new_password() -> str:
    """Return a random password."""
    return f"e2e {secrets.token_urlsafe(12)}"
