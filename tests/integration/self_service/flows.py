"""Requests about accounts, one method each, and the sequences with which many tests begin."""

import uuid
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx2

from integration.harness.installation import AUTH, USERS, Tokens, tokens_of
from integration.self_service.mailbox import Mailbox

CHOSEN: Final = "the analytical engine"
ANOTHER: Final = "a difference engine, no. 2"


class Api(Protocol):
    """A target of requests: applications in this process, or separate processes."""

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send one request."""


@dataclass(frozen=True)
class Joined:
    """A user who has joined and is signed in."""

    id: str
    email: str
    password: str
    access: str
    refresh: str

    @property
    def path(self) -> str:
        """The path of the user in the directory."""
        return f"{USERS}/{self.id}"


@dataclass(frozen=True)
class Flows:
    """One method for each request; `headers` are sent with every request."""

    api: Api
    mailbox: Mailbox
    headers: dict[str, str] | None = None

    def _send(
        self, method: str, path: str, body: dict[str, Any], token: str | None = None
    ) -> httpx2.Response:
        return self.api.call(method, path, token, self.headers, json=body)

    def log_in(self, email: str, password: str) -> httpx2.Response:
        """Request tokens."""
        return self._send("POST", f"{AUTH}/token", {"email": email, "password": password})

    def register(self, email: str, password: str = CHOSEN, name: str = "Ada") -> httpx2.Response:
        """Request an account."""
        body = {"email": email, "password": password, "name": name}
        return self._send("POST", f"{AUTH}/register", body)

    def register_with_picture(
        self, email: str, image: bytes, password: str = CHOSEN, **fields: str
    ) -> httpx2.Response:
        """Request an account with a form, as an HTML page does."""
        data = {"email": email, "password": password, "name": "Ada", **fields}
        files = {"image": ("me.png", image, "image/png")}
        return self.api.call("POST", f"{AUTH}/register", None, self.headers, data=data, files=files)

    def set_picture(self, token: str, image: bytes, user: str = "me") -> httpx2.Response:
        """Set the picture of a user, or the own one."""
        headers = {**(self.headers or {}), "Content-Type": "image/png"}
        return self.api.call("PUT", f"{USERS}/{user}/avatar", token, headers, content=image)

    def resend(self, email: str) -> httpx2.Response:
        """Request the verification mail again."""
        return self._send("POST", f"{AUTH}/verify-email/resend", {"email": email})

    def verify(self, code: str, password: str | None = CHOSEN, **body: str) -> httpx2.Response:
        """Enter the code of an address: with the password, or with `registration_token` in the body."""
        chosen = {} if password is None else {"password": password}
        return self._send("POST", f"{AUTH}/verify-email", {"code": code, **chosen, **body})

    def verify_registered(self, code: str, registered: httpx2.Response) -> httpx2.Response:
        """Enter the code of an address, with the token of a registration: its password applies."""
        return self.verify(code, None, registration_token=registered.json()["registration_token"])

    def create(self, admin: str, email: str, **body: str) -> httpx2.Response:
        """Create an account; without a password its owner gets an invitation."""
        return self._send("POST", USERS, {"email": email, "name": "Ada", **body}, admin)

    def invite_again(self, admin: str, user_id: str) -> httpx2.Response:
        """Request another invitation."""
        return self._send("POST", f"{USERS}/{user_id}/invitation", {}, admin)

    def accept(self, code: str, password: str = CHOSEN) -> httpx2.Response:
        """Accept an invitation."""
        return self._send("POST", f"{AUTH}/invitations/accept", {"code": code, "password": password})

    def ask_for_reset(self, email: str) -> httpx2.Response:
        """Request a PIN by mail."""
        return self._send("POST", f"{AUTH}/password/reset", {"email": email})

    def reset(self, email: str, pin: str, password: str = ANOTHER) -> httpx2.Response:
        """Choose a new password with a PIN, or with a long code."""
        body = {"email": email, "pin": pin, "new_password": password}
        return self._send("PATCH", f"{AUTH}/password/reset", body)

    def change(self, token: str, current: str, new: str = ANOTHER) -> httpx2.Response:
        """Change the password of a signed-in user."""
        return self._send(
            "POST", f"{AUTH}/password", {"current_password": current, "new_password": new}, token
        )

    def change_by_address(self, email: str, current: str, new: str = ANOTHER) -> httpx2.Response:
        """Change the password of a user who is not signed in."""
        body = {"email": email, "current_password": current, "new_password": new}
        return self._send("POST", f"{AUTH}/password", body)

    def ask_for_address(self, token: str, email: str, password: str) -> httpx2.Response:
        """Request a change of the address."""
        return self._send("POST", f"{AUTH}/email", {"email": email, "password": password}, token)

    def confirm_address(self, token: str, pin: str) -> httpx2.Response:
        """Confirm the new address."""
        return self._send("PATCH", f"{AUTH}/email", {"pin": pin}, token)

    def code_of(self, email: str) -> str:
        """Return the long code of the latest mail to an address."""
        return self.mailbox.last_to(email).code

    def pin_of(self, email: str) -> str:
        """Return the PIN of the latest mail to an address."""
        return self.mailbox.last_to(email).pin

    def sign_in(self, email: str, password: str) -> Tokens:
        """Log in; fails the test if the login is rejected."""
        response = self.log_in(email, password)
        assert response.status_code == 200, response.text
        return tokens_of(response)

    def join(self, email: str, password: str = CHOSEN, name: str = "Ada") -> Joined:
        """Register, enter the code and sign in."""
        registered = self.register(email, password, name)
        assert registered.status_code == 202, registered.text
        verified = self.verify_registered(self.code_of(email), registered)
        assert verified.status_code == 200, verified.text
        return self.joined(email, password)

    def invited(self, admin: str, email: str, **body: str) -> tuple[str, str]:
        """Invite a user; return the id of the account and the code of the mail."""
        response = self.create(admin, email, **body)
        assert response.status_code == 201, response.text
        return response.json()["id"], self.code_of(email)

    def mailed_pin(self, email: str) -> str:
        """Request a PIN and return it."""
        assert self.ask_for_reset(email).status_code == 202
        return self.pin_of(email)

    def prove_address(self, sign_in_token: str, pin: str) -> httpx2.Response:
        """Continue a sign-in with the code that was mailed to the account's address."""
        body = {"grant_type": "urn:doorward:grant:email-code", "sign_in_token": sign_in_token, "pin": pin}
        return self._send("POST", f"{AUTH}/token", body)

    def sign_in_with_code(self, email: str, password: str) -> httpx2.Response:
        """Log in to an address that an administrator has set, and enter the mailed code."""
        self.mailbox.wait()  # the mails before it, because it is to be the last
        rejected = self.log_in(email, password)
        assert rejected.json()["code"] == "email_not_verified", rejected.text
        return self.prove_address(rejected.json()["sign_in_token"], self.pin_of(email))

    def joined(self, email: str, password: str) -> Joined:
        """Sign in as a user who has joined."""
        tokens = self.sign_in(email, password)
        identity = self.me(tokens.access).json()["id"]
        return Joined(identity, email, password, tokens.access, tokens.refresh)

    def me(self, token: str) -> httpx2.Response:
        """Read the own profile at the users service."""
        return self.api.call("GET", f"{USERS}/me", token)

    def refresh(self, token: str) -> httpx2.Response:
        """Present a refresh token."""
        return self._send("POST", f"{AUTH}/refresh-token", {"refresh_token": token})


def other_pin(pin: str) -> str:
    """Return a different PIN."""
    return f"{(int(pin) + 1) % 1_000_000:06d}"


def unique(label: str = "user") -> str:
    """Return an unused address."""
    return f"{label}-{uuid.uuid4().hex[:12]}@example.com"
