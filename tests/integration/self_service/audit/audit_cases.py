"""A request for each type of security event, and the expected events."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from doorward_identity.audit.repository import AuditAction
from integration.harness.installation import AUTH, CLIENT, USERS, Installation
from integration.harness.people import People
from integration.self_service.database_rows import store_dead_letter
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, other_pin
from support.images import png


@dataclass(frozen=True)
class Scene:
    """Fixtures for a case; the expected events must belong to the requests of `traced`."""

    flows: Flows
    traced: Flows
    request_ids: list[str]
    installation: Installation
    people: People
    ada: Joined

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        return self.traced.api.call(method, path, token, **options)


MOVED: Final = "moved@example.com"

Event = tuple[str, str | None, str | None, dict[str, Any] | None]
Case = Callable[[Scene], list[Event]]


def logs_in(scene: Scene) -> list[Event]:
    tokens = scene.traced.sign_in(scene.ada.email, CHOSEN)
    session = scene.installation.call("GET", f"{AUTH}/me", tokens.access).json()["session_id"]
    details = {"session_id": session, "new_device": True}
    return [("auth:login:succeeded", scene.ada.id, scene.ada.id, details)]


def fails_to_log_in(scene: Scene) -> list[Event]:
    scene.traced.log_in(scene.ada.email, ANOTHER)
    return [("auth:login:failed", None, scene.ada.id, None)]


def fails_to_log_in_as_nobody(scene: Scene) -> list[Event]:
    scene.traced.log_in("nobody@example.com", ANOTHER)
    return [("auth:login:failed", None, None, None)]


def steps_up(scene: Scene) -> list[Event]:
    session = scene.installation.call("GET", f"{AUTH}/me", scene.ada.access).json()["session_id"]
    scene.send("POST", f"{AUTH}/step-up", scene.ada.access, json={"password": CHOSEN})
    return [("auth:step_up:succeeded", scene.ada.id, scene.ada.id, {"session_id": session})]


def logs_out(scene: Scene) -> list[Event]:
    session = scene.installation.call("GET", f"{AUTH}/me", scene.ada.access).json()["session_id"]
    scene.send("POST", f"{AUTH}/logout", scene.ada.access)
    return [("auth:session:ended", scene.ada.id, scene.ada.id, {"session_id": session})]


def ends_somebodys_sessions(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.send("DELETE", f"{AUTH}/users/{scene.ada.id}/sessions", admin.access)
    return [("auth:sessions:ended", admin.id, scene.ada.id, {"count": 1})]


def replays_a_refresh_token(scene: Scene) -> list[Event]:
    renewed = scene.flows.refresh(scene.ada.refresh).json()
    scene.flows.refresh(renewed["refresh_token"])
    session = scene.installation.call("GET", f"{AUTH}/me", renewed["access_token"]).json()["session_id"]
    scene.traced.refresh(scene.ada.refresh)
    return [("auth:refresh_token:reused", None, scene.ada.id, {"session_id": session})]


def revokes_a_token(scene: Scene) -> list[Event]:
    session = scene.installation.call("GET", f"{AUTH}/me", scene.ada.access).json()["session_id"]
    scene.send("POST", f"{AUTH}/revoke", data={"token": scene.ada.refresh}, auth=CLIENT)
    return [("auth:token:revoked", None, scene.ada.id, {"session_id": session, "client": CLIENT[0]})]


def registers(scene: Scene) -> list[Event]:
    scene.traced.register("new@example.com")
    return [("auth:account:registered", None, None, None)]


def registers_again(scene: Scene) -> list[Event]:
    scene.traced.register(scene.ada.email)
    return [("auth:account:registered", None, scene.ada.id, None)]


def verifies(scene: Scene) -> list[Event]:
    scene.flows.register("new@example.com")
    scene.traced.verify(scene.flows.code_of("new@example.com"))
    new = scene.flows.joined("new@example.com", CHOSEN).id
    return [("auth:email:verified", new, new, None)]


def fails_to_prove_an_address(scene: Scene) -> list[Event]:
    scene.installation.call("PATCH", scene.ada.path, scene.people.admin.access, json={"email": MOVED})
    scene.flows.mailbox.wait()
    token = scene.flows.log_in(MOVED, CHOSEN).json()["sign_in_token"]
    scene.traced.prove_address(token, other_pin(scene.flows.pin_of(MOVED)))
    return [("auth:email:verification_failed", None, scene.ada.id, None)]


def enters_a_wrong_code(scene: Scene) -> list[Event]:
    scene.flows.register("new@example.com")
    code = scene.flows.code_of("new@example.com")
    scene.traced.verify(code[:-4] + "AAAA")
    return [("auth:email:verification_failed", None, None, None)]


def enters_no_code(scene: Scene) -> list[Event]:
    scene.traced.verify("123456")
    return [("auth:email:verification_failed", None, None, None)]


def enters_a_wrong_code_of_an_invitation(scene: Scene) -> list[Event]:
    bob, code = scene.flows.invited(scene.people.admin.access, "bob@example.com")
    scene.traced.accept(code[:-4] + "AAAA")
    return [("auth:invitation:failed", None, bob, None)]


def enters_a_wrong_current_password(scene: Scene) -> list[Event]:
    scene.traced.change(scene.ada.access, ANOTHER, CHOSEN)
    return [("auth:password:check_failed", scene.ada.id, scene.ada.id, None)]


def enters_a_wrong_password_for_another_address(scene: Scene) -> list[Event]:
    scene.traced.ask_for_address(scene.ada.access, "new@example.com", ANOTHER)
    return [("auth:password:check_failed", scene.ada.id, scene.ada.id, None)]


def fails_to_step_up(scene: Scene) -> list[Event]:
    scene.send("POST", f"{AUTH}/step-up", scene.ada.access, json={"password": ANOTHER})
    return [("auth:password:check_failed", scene.ada.id, scene.ada.id, None)]


def finds_the_address_taken(scene: Scene) -> list[Event]:
    scene.flows.ask_for_address(scene.ada.access, MOVED, CHOSEN)
    pin = scene.flows.pin_of(MOVED)
    scene.flows.create(scene.people.admin.access, MOVED, password=CHOSEN)
    scene.traced.confirm_address(scene.ada.access, pin)
    return [("auth:email:change_failed", scene.ada.id, scene.ada.id, None)]


def reads_the_audit_log_without_permission(scene: Scene) -> list[Event]:
    scene.send("GET", f"{AUTH}/audit", scene.ada.access)
    details = {
        "call": f"GET {AUTH}/audit",
        "code": "insufficient_permission",
        "required": "audit:read",
    }
    return [("auth:call:refused", scene.ada.id, None, details)]


def ends_sessions_without_permission(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.send("DELETE", f"{AUTH}/users/{admin.id}/sessions", scene.ada.access)
    details = {
        "call": f"DELETE {AUTH}/users/{{user_id}}/sessions",
        "code": "insufficient_permission",
        "required": "sessions:end",
        "user_id": admin.id,
    }
    return [("auth:call:refused", scene.ada.id, None, details)]


def deletes_without_permission(scene: Scene) -> list[Event]:
    scene.send("DELETE", scene.people.admin.path, scene.ada.access)
    details = {
        "call": f"DELETE {USERS}/{{user_id}}",
        "code": "insufficient_permission",
        "required": "users:write",
        "user_id": scene.people.admin.id,
    }
    return [("users:call:refused", scene.ada.id, None, details)]


def demotes_the_last_administrator(scene: Scene) -> list[Event]:
    admin, deputy = scene.people.admin, scene.people.deputy
    scene.installation.call("DELETE", deputy.path, admin.access)
    scene.send("PATCH", admin.path, admin.access, json={"role": "user"})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "last_admin", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]


def sets_the_own_address(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.send("PATCH", admin.path, admin.access, json={"email": MOVED})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "own_email", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]


def sets_the_own_password(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.send("PATCH", admin.path, admin.access, json={"password": CHOSEN})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "own_password", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]


def changes_the_password(scene: Scene) -> list[Event]:
    scene.traced.change(scene.ada.access, CHOSEN)
    return [("auth:password:changed", scene.ada.id, scene.ada.id, None)]


def changes_the_password_by_address(scene: Scene) -> list[Event]:
    scene.traced.change_by_address(scene.ada.email, CHOSEN)
    return [("auth:password:changed", scene.ada.id, scene.ada.id, None)]


def asks_for_a_reset(scene: Scene) -> list[Event]:
    scene.traced.ask_for_reset(scene.ada.email)
    return [("auth:password:reset_asked", None, scene.ada.id, None)]


def asks_for_a_reset_of_nobody(scene: Scene) -> list[Event]:
    scene.traced.ask_for_reset("nobody@example.com")
    return [("auth:password:reset_asked", None, None, None)]


def resets(scene: Scene) -> list[Event]:
    scene.traced.reset(scene.ada.email, scene.flows.mailed_pin(scene.ada.email))
    return [("auth:password:reset", scene.ada.id, scene.ada.id, None)]


def fails_to_reset(scene: Scene) -> list[Event]:
    pin = scene.flows.mailed_pin(scene.ada.email)
    scene.traced.reset(scene.ada.email, other_pin(pin))
    return [("auth:password:reset_failed", None, scene.ada.id, None)]


def fails_to_reset_nobody(scene: Scene) -> list[Event]:
    scene.traced.reset("nobody@example.com", "123456")
    return [("auth:password:reset_failed", None, None, None)]


def asks_for_an_address(scene: Scene) -> list[Event]:
    scene.traced.ask_for_address(scene.ada.access, "new@example.com", CHOSEN)
    return [("auth:email:change_asked", scene.ada.id, scene.ada.id, None)]


def confirms_an_address(scene: Scene) -> list[Event]:
    scene.flows.ask_for_address(scene.ada.access, "new@example.com", CHOSEN)
    scene.traced.confirm_address(scene.ada.access, scene.flows.pin_of("new@example.com"))
    return [("auth:email:changed", scene.ada.id, scene.ada.id, None)]


def fails_to_confirm_an_address(scene: Scene) -> list[Event]:
    scene.flows.ask_for_address(scene.ada.access, "new@example.com", CHOSEN)
    scene.traced.confirm_address(scene.ada.access, other_pin(scene.flows.pin_of("new@example.com")))
    return [("auth:email:change_failed", scene.ada.id, scene.ada.id, None)]


def accepts_an_invitation(scene: Scene) -> list[Event]:
    bob, code = scene.flows.invited(scene.people.admin.access, "bob@example.com")
    scene.traced.accept(code)
    return [("auth:invitation:accepted", bob, bob, None)]


def creates(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    bob = scene.traced.create(admin.access, "bob@example.com", password=CHOSEN).json()["id"]
    return [("users:account:created", admin.id, bob, {"role": "user", "invited": False})]


def invites(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    bob = scene.traced.create(admin.access, "bob@example.com", role="admin").json()["id"]
    return [("users:account:created", admin.id, bob, {"role": "admin", "invited": True})]


def invites_again(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    bob, _ = scene.flows.invited(admin.access, "bob@example.com")
    scene.traced.invite_again(admin.access, bob)
    return [("users:account:invited", admin.id, bob, None)]


def updates(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    body = {"name": "Countess", "role": "admin", "status": "disabled", "password": ANOTHER}
    scene.send("PATCH", scene.ada.path, admin.access, json=body)
    details = {
        "fields": ["name", "role", "status"],
        "role": ["user", "admin"],
        "status": ["active", "disabled"],
        "password": True,
    }
    return [("users:account:updated", admin.id, scene.ada.id, details)]


def renames_herself(scene: Scene) -> list[Event]:
    scene.send("PATCH", f"{USERS}/me", scene.ada.access, json={"name": "Countess"})
    details = {"fields": ["name"], "password": False}
    return [("users:account:updated", scene.ada.id, scene.ada.id, details)]


def deletes(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.send("DELETE", scene.ada.path, admin.access)
    return [("users:account:deleted", admin.id, scene.ada.id, None)]


def sets_a_picture(scene: Scene) -> list[Event]:
    admin = scene.people.admin
    scene.traced.set_picture(admin.access, png(), scene.ada.id)
    return [("users:avatar:set", admin.id, scene.ada.id, None)]


def deletes_a_picture(scene: Scene) -> list[Event]:
    scene.flows.set_picture(scene.ada.access, png())
    scene.send("DELETE", f"{USERS}/me/avatar", scene.ada.access)
    return [("users:avatar:deleted", scene.ada.id, scene.ada.id, None)]


def resends_a_dead_letter(scene: Scene) -> list[Event]:
    admin, mail = scene.people.admin, store_dead_letter(scene.installation, "ada@example.com")
    scene.send("POST", f"{AUTH}/mail/dead-letters/{mail}/retry", admin.access)
    return [("auth:mail:resent", admin.id, None, {"mail_id": str(mail)})]


def discards_a_dead_letter(scene: Scene) -> list[Event]:
    admin, mail = scene.people.admin, store_dead_letter(scene.installation, "ada@example.com")
    scene.send("DELETE", f"{AUTH}/mail/dead-letters/{mail}", admin.access)
    return [("auth:mail:discarded", admin.id, None, {"mail_id": str(mail)})]


CASES: Final[list[tuple[AuditAction, Case]]] = [
    (AuditAction.LOGIN_SUCCEEDED, logs_in),
    (AuditAction.LOGIN_FAILED, fails_to_log_in),
    (AuditAction.LOGIN_FAILED, fails_to_log_in_as_nobody),
    (AuditAction.STEP_UP_SUCCEEDED, steps_up),
    (AuditAction.SESSION_ENDED, logs_out),
    (AuditAction.SESSIONS_ENDED, ends_somebodys_sessions),
    (AuditAction.REFRESH_REUSED, replays_a_refresh_token),
    (AuditAction.TOKEN_REVOKED, revokes_a_token),
    (AuditAction.REGISTERED, registers),
    (AuditAction.REGISTERED, registers_again),
    (AuditAction.EMAIL_VERIFIED, verifies),
    (AuditAction.EMAIL_VERIFICATION_FAILED, fails_to_prove_an_address),
    (AuditAction.EMAIL_VERIFICATION_FAILED, enters_a_wrong_code),
    (AuditAction.EMAIL_VERIFICATION_FAILED, enters_no_code),
    (AuditAction.INVITATION_FAILED, enters_a_wrong_code_of_an_invitation),
    (AuditAction.PASSWORD_CHECK_FAILED, enters_a_wrong_current_password),
    (AuditAction.PASSWORD_CHECK_FAILED, enters_a_wrong_password_for_another_address),
    (AuditAction.PASSWORD_CHECK_FAILED, fails_to_step_up),
    (AuditAction.EMAIL_CHANGE_FAILED, finds_the_address_taken),
    (AuditAction.CALL_REFUSED_BY_AUTH, reads_the_audit_log_without_permission),
    (AuditAction.CALL_REFUSED_BY_AUTH, ends_sessions_without_permission),
    (AuditAction.CALL_REFUSED_BY_USERS, deletes_without_permission),
    (AuditAction.CALL_REFUSED_BY_USERS, demotes_the_last_administrator),
    (AuditAction.CALL_REFUSED_BY_USERS, sets_the_own_address),
    (AuditAction.CALL_REFUSED_BY_USERS, sets_the_own_password),
    (AuditAction.PASSWORD_CHANGED, changes_the_password),
    (AuditAction.PASSWORD_CHANGED, changes_the_password_by_address),
    (AuditAction.PASSWORD_RESET_ASKED, asks_for_a_reset),
    (AuditAction.PASSWORD_RESET_ASKED, asks_for_a_reset_of_nobody),
    (AuditAction.PASSWORD_RESET, resets),
    (AuditAction.PASSWORD_RESET_FAILED, fails_to_reset),
    (AuditAction.PASSWORD_RESET_FAILED, fails_to_reset_nobody),
    (AuditAction.EMAIL_CHANGE_ASKED, asks_for_an_address),
    (AuditAction.EMAIL_CHANGED, confirms_an_address),
    (AuditAction.EMAIL_CHANGE_FAILED, fails_to_confirm_an_address),
    (AuditAction.INVITATION_ACCEPTED, accepts_an_invitation),
    (AuditAction.ACCOUNT_CREATED, creates),
    (AuditAction.ACCOUNT_CREATED, invites),
    (AuditAction.ACCOUNT_INVITED, invites_again),
    (AuditAction.ACCOUNT_UPDATED, updates),
    (AuditAction.ACCOUNT_UPDATED, renames_herself),
    (AuditAction.ACCOUNT_DELETED, deletes),
    (AuditAction.AVATAR_SET, sets_a_picture),
    (AuditAction.AVATAR_DELETED, deletes_a_picture),
    (AuditAction.MAIL_RESENT, resends_a_dead_letter),
    (AuditAction.MAIL_DISCARDED, discards_a_dead_letter),
]
COMMANDS: Final = {
    AuditAction.ACCOUNT_IMPORTED,
    AuditAction.ADMIN_CREATED,
    AuditAction.ADMIN_PROMOTED,
    AuditAction.ADMIN_PASSWORD_SET,
    AuditAction.VAULT_ROTATED,
}
UPSTREAMS: Final = {
    AuditAction.UPSTREAM_LINKED,
    AuditAction.UPSTREAM_UNLINKED,
    AuditAction.UPSTREAM_TOKEN_READ,
    AuditAction.UPSTREAM_GRANT_ENDED,
    AuditAction.UPSTREAM_GRANT_LOST,
}
"""Not of a request to a service with its default settings: see tests/integration/upstream."""
