"""Events of calls without the permission for them, or a login that is recent enough."""

from datetime import UTC, datetime

from doorward_identity.tables import sessions
from integration.harness.installation import AUTH, USERS
from integration.self_service.audit.audit_setup import MOVED, AuditSetup, Event
from integration.self_service.flows import CHOSEN

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def reads_the_audit_log_without_permission(setup: AuditSetup) -> list[Event]:
    setup.send("GET", f"{AUTH}/audit", setup.ada.access)
    details = {
        "call": f"GET {AUTH}/audit",
        "code": "insufficient_permission",
        "required": "audit:read",
    }
    return [("auth:call:refused", setup.ada.id, None, details)]


def ends_sessions_without_permission(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("DELETE", f"{AUTH}/users/{admin.id}/sessions", setup.ada.access)
    details = {
        "call": f"DELETE {AUTH}/users/{{user_id}}/sessions",
        "code": "insufficient_permission",
        "required": "sessions:end",
        "user_id": admin.id,
    }
    return [("auth:call:refused", setup.ada.id, None, details)]


def registers_a_client_long_after_the_login(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.installation.execute(sessions.update().values(auth_time=LONG_AGO))
    access = setup.installation.refresh(admin.refresh).json()["access_token"]
    client = {
        "client_id": "spa",
        "kind": "public",
        "name": "A page",
        "redirect_uris": ["https://spa.example/"],
    }
    setup.send("POST", f"{AUTH}/clients", access, json=client)
    details = {
        "call": f"POST {AUTH}/clients",
        "code": "insufficient_user_authentication",
        "max_age": 900,
    }
    return [("auth:call:refused", admin.id, None, details)]


def deletes_without_permission(setup: AuditSetup) -> list[Event]:
    setup.send("DELETE", setup.people.admin.path, setup.ada.access)
    details = {
        "call": f"DELETE {USERS}/{{user_id}}",
        "code": "insufficient_permission",
        "required": "users:write",
        "user_id": setup.people.admin.id,
    }
    return [("users:call:refused", setup.ada.id, None, details)]


def demotes_the_last_administrator(setup: AuditSetup) -> list[Event]:
    admin, deputy = setup.people.admin, setup.people.deputy
    setup.installation.call("DELETE", deputy.path, admin.access)
    setup.send("PATCH", admin.path, admin.access, json={"role": "user"})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "last_admin", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]


def sets_the_own_address(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("PATCH", admin.path, admin.access, json={"email": MOVED})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "own_email", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]


def sets_the_own_password(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("PATCH", admin.path, admin.access, json={"password": CHOSEN})
    details = {"call": f"PATCH {USERS}/{{user_id}}", "code": "own_password", "user_id": admin.id}
    return [("users:call:refused", admin.id, None, details)]
