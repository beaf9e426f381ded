"""Events of calls without the permission for them."""

from integration.harness.installation import AUTH, USERS
from integration.self_service.audit.audit_setup import MOVED, AuditSetup, Event
from integration.self_service.flows import CHOSEN


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
