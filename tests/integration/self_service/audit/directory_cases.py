"""Events of the directory, of pictures, exports and undeliverable mail."""

from integration.harness.installation import AUTH, USERS
from integration.self_service.audit.audit_setup import AuditSetup, Event
from integration.self_service.database_rows import store_dead_letter
from integration.self_service.flows import ANOTHER, CHOSEN
from support.images import png


def creates(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    bob = setup.traced.create(admin.access, "bob@example.com", password=CHOSEN).json()["id"]
    return [("users:account:created", admin.id, bob, {"role": "user", "invited": False})]


def invites(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    bob = setup.traced.create(admin.access, "bob@example.com", role="admin").json()["id"]
    return [("users:account:created", admin.id, bob, {"role": "admin", "invited": True})]


def invites_again(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    bob, _ = setup.flows.invited(admin.access, "bob@example.com")
    setup.traced.invite_again(admin.access, bob)
    return [("users:account:invited", admin.id, bob, None)]


def updates(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    body = {"name": "Countess", "role": "admin", "status": "disabled", "password": ANOTHER}
    setup.send("PATCH", setup.ada.path, admin.access, json=body)
    details = {
        "fields": ["name", "role", "status"],
        "role": ["user", "admin"],
        "status": ["active", "disabled"],
        "password": True,
    }
    return [("users:account:updated", admin.id, setup.ada.id, details)]


def renames_herself(setup: AuditSetup) -> list[Event]:
    setup.send("PATCH", f"{USERS}/me", setup.ada.access, json={"name": "Countess"})
    details = {"fields": ["name"], "password": False}
    return [("users:account:updated", setup.ada.id, setup.ada.id, details)]


def deletes(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("DELETE", setup.ada.path, admin.access)
    return [("users:account:deleted", admin.id, setup.ada.id, None)]


def sets_a_picture(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.traced.set_picture(admin.access, png(), setup.ada.id)
    return [("users:avatar:set", admin.id, setup.ada.id, None)]


def deletes_a_picture(setup: AuditSetup) -> list[Event]:
    setup.flows.set_picture(setup.ada.access, png())
    setup.send("DELETE", f"{USERS}/me/avatar", setup.ada.access)
    return [("users:avatar:deleted", setup.ada.id, setup.ada.id, None)]


def exports(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("GET", f"{USERS}/export?format=csv", admin.access)
    return [("users:directory:exported", admin.id, None, {"format": "csv"})]


def resends_a_dead_letter(setup: AuditSetup) -> list[Event]:
    admin, mail = setup.people.admin, store_dead_letter(setup.installation, "ada@example.com")
    setup.send("POST", f"{AUTH}/mail/dead-letters/{mail}/retry", admin.access)
    return [("auth:mail:resent", admin.id, None, {"mail_id": str(mail)})]


def discards_a_dead_letter(setup: AuditSetup) -> list[Event]:
    admin, mail = setup.people.admin, store_dead_letter(setup.installation, "ada@example.com")
    setup.send("DELETE", f"{AUTH}/mail/dead-letters/{mail}", admin.access)
    return [("auth:mail:discarded", admin.id, None, {"mail_id": str(mail)})]
