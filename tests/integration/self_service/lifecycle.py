"""An account's whole life, from end to end: for tests about everything that happens on the way."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from integration.harness.installation import AUTH, CLIENT, USERS
from integration.self_service.flows import Api, Flows, Joined, other_pin, unique
from integration.self_service.mailbox import Mailbox
from support.images import jpeg, png

PASSWORDS: Final = tuple(
    f"{word} engine, in brass" for word in ("first", "second", "third", "fourth", "fifth")
)
WRONG: Final = "an entirely wrong password"
NAME: Final = "Augusta Ada King"

_SECRET_FIELDS: Final = frozenset(
    {"password", "current_password", "new_password", "code", "pin", "token", "sign_in_token"}
    | {"access_token", "refresh_token", "device_token", "registration_token"}
)


@dataclass
class Confidant:
    """An API that remembers every secret that went through it, either way, and every bearer token."""

    api: Api
    secrets: set[str] = field(default_factory=set)

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send one request."""
        response = self.api.call(method, path, token, headers, **options)
        is_json = response.headers.get("content-type") == "application/json"
        bodies = [options.get("json"), options.get("data"), response.json() if is_json else None]
        for body in bodies:
            found = body if isinstance(body, dict) else {}
            self.secrets |= {str(found[name]) for name in _SECRET_FIELDS & found.keys() if found[name]}
        if token is not None:
            self.secrets.add(token)
        return response


@dataclass(frozen=True)
class Lived:
    """The accounts of a completed lifecycle, and every secret that occurred in it."""

    ada: Joined
    bob_id: str
    secrets: frozenset[str]
    addresses: tuple[str, ...]


def holds(text: str, secret: str) -> bool:
    """Whether a text contains a secret; six digits within a longer number are not a PIN."""
    if secret.isdigit():
        return re.search(rf"(?<![0-9A-Za-z.]){secret}(?![0-9A-Za-z])", text) is not None
    return secret in text


def live(api: Api, mailbox: Mailbox, admin: str, headers: dict[str, str] | None = None) -> Lived:
    """Run everything that can happen to an account, and check each status."""
    confidant = Confidant(api)
    flows = Flows(confidant, mailbox, headers)
    email, moved, invited = unique("ada"), unique("countess"), unique("bob")
    ada = _register(flows, email)
    _change_password(flows, ada)
    _reset_password(flows, email)
    ada = _move(flows, email, moved)
    bob = _invite(flows, admin, invited)
    _end_sessions(flows, admin, ada)
    moved_on = unique("robert")
    _show_pictures(flows, admin, ada)
    _administrate(flows, admin, bob, moved_on)
    return Lived(ada, bob, frozenset(confidant.secrets), (email, moved, invited, moved_on))


def _register(flows: Flows, email: str) -> Joined:
    registered = flows.register_with_picture(email, png(), PASSWORDS[0], name=NAME)
    _is(registered, 202)
    _is(flows.resend(email), 202)
    _is(flows.log_in(email, PASSWORDS[0]), 401)
    _is(flows.verify(flows.code_of(email), None), 422)
    _is(flows.verify_registered(flows.code_of(email), registered), 200)
    _is(flows.register_with_picture(email, jpeg(), WRONG, name=NAME), 202)
    _is(flows.log_in(email, WRONG + "!"), 401)
    device = flows.log_in(email, PASSWORDS[0]).json()["device_token"]
    body = {"email": email, "password": PASSWORDS[0], "device_token": device}
    _is(flows.api.call("POST", f"{AUTH}/token", None, flows.headers, json=body), 200)
    return flows.joined(email, PASSWORDS[0])


def _change_password(flows: Flows, ada: Joined) -> None:
    _is(flows.change(ada.access, PASSWORDS[0], PASSWORDS[1]), 204)
    _is(flows.change_by_address(ada.email, PASSWORDS[1], PASSWORDS[2]), 204)
    flows.mailbox.wait()


def _reset_password(flows: Flows, email: str) -> None:
    pin = flows.mailed_pin(email)
    _is(flows.reset(email, other_pin(pin), PASSWORDS[3]), 400)
    _is(flows.reset(email, pin, PASSWORDS[3]), 200)
    _is(flows.ask_for_reset(unique("nobody")), 202)


def _move(flows: Flows, email: str, moved: str) -> Joined:
    ada = flows.joined(email, PASSWORDS[3])
    _is(flows.ask_for_address(ada.access, moved, PASSWORDS[3]), 202)
    pin = flows.pin_of(moved)
    _is(flows.confirm_address(ada.access, other_pin(pin)), 400)
    _is(flows.confirm_address(ada.access, pin), 204)
    flows.mailbox.wait()
    return flows.joined(moved, PASSWORDS[3])


def _invite(flows: Flows, admin: str, email: str) -> str:
    bob, _ = flows.invited(admin, email, name="Bob")
    _is(flows.invite_again(admin, bob), 202)
    flows.mailbox.wait()
    _is(flows.accept(flows.code_of(email), PASSWORDS[4]), 200)
    flows.joined(email, PASSWORDS[4])
    return bob


def _end_sessions(flows: Flows, admin: str, ada: Joined) -> None:
    api = flows.api
    renewed = flows.refresh(ada.refresh)
    _is(renewed, 200)
    _is(flows.refresh(renewed.json()["refresh_token"]), 200)
    _is(flows.refresh(ada.refresh), 401)  # used twice, so it was copied
    once, twice, thrice = (flows.joined(ada.email, ada.password) for _ in range(3))
    form = {"token": once.refresh}
    _is(api.call("POST", f"{AUTH}/revoke", None, flows.headers, data=form, auth=CLIENT), 200)
    _is(api.call("POST", f"{AUTH}/logout", twice.access, flows.headers), 204)
    _is(api.call("DELETE", f"{AUTH}/users/{ada.id}/sessions", admin, flows.headers), 204)
    _is(flows.refresh(thrice.refresh), 401)


def _show_pictures(flows: Flows, admin: str, ada: Joined) -> None:
    api, path, own = flows.api, f"{USERS}/{ada.id}/avatar", f"{USERS}/me/avatar"
    access = flows.joined(ada.email, ada.password).access
    _is(api.call("GET", own, access, flows.headers), 200)
    for image in (png(), jpeg(), jpeg()):
        _is(flows.set_picture(access, image), 200)
    _is(api.call("GET", path, admin, flows.headers), 200)
    _is(api.call("DELETE", path, admin, flows.headers), 204)
    _is(api.call("GET", own, access, flows.headers), 404)
    _is(flows.set_picture(admin, png(), ada.id), 200)


def _administrate(flows: Flows, admin: str, bob: str, moved: str) -> None:
    api, path = flows.api, f"{USERS}/{bob}"
    for change in ({"name": "Robert"}, {"role": "admin"}, {"role": "user"}, {"password": PASSWORDS[0]}):
        _is(api.call("PATCH", path, admin, flows.headers, json=change), 200)
    carol = flows.create(admin, unique("carol"), password=PASSWORDS[1])
    _is(carol, 201)
    _is(api.call("DELETE", carol.headers["location"], admin, flows.headers), 204)
    _is(api.call("PATCH", path, admin, flows.headers, json={"email": moved}), 200)
    flows.mailbox.wait()
    rejected = flows.log_in(moved, PASSWORDS[0])
    _is(rejected, 403)
    token, pin = rejected.json()["sign_in_token"], flows.pin_of(moved)
    _is(flows.prove_address(token, other_pin(pin)), 400)
    _is(flows.prove_address(token, pin), 200)
    tokens = flows.sign_in(moved, PASSWORDS[0])
    _is(api.call("GET", f"{USERS}/me/activity", tokens.access, flows.headers), 200)
    _is(api.call("PATCH", path, admin, flows.headers, json={"status": "disabled"}), 200)
    _is(flows.log_in(moved, PASSWORDS[0]), 403)
    _is(api.call("GET", f"{AUTH}/audit", admin, flows.headers), 200)
    _is(api.call("GET", f"{AUTH}/mail/dead-letters", admin, flows.headers), 200)
    _is(api.call("DELETE", path, admin, flows.headers), 204)


def _is(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status, f"{response.status_code}: {response.text}"
