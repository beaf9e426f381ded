"""Events of changes and resets of the own password and address."""

from integration.self_service.audit.audit_setup import MOVED, AuditSetup, Event
from integration.self_service.flows import ANOTHER, CHOSEN, other_pin


def enters_a_wrong_current_password(setup: AuditSetup) -> list[Event]:
    setup.traced.change(setup.ada.access, ANOTHER, CHOSEN)
    return [("auth:password:check_failed", setup.ada.id, setup.ada.id, None)]


def enters_a_wrong_password_for_another_address(setup: AuditSetup) -> list[Event]:
    setup.traced.ask_for_address(setup.ada.access, "new@example.com", ANOTHER)
    return [("auth:password:check_failed", setup.ada.id, setup.ada.id, None)]


def changes_the_password(setup: AuditSetup) -> list[Event]:
    setup.traced.change(setup.ada.access, CHOSEN)
    return [("auth:password:changed", setup.ada.id, setup.ada.id, None)]


def changes_the_password_by_address(setup: AuditSetup) -> list[Event]:
    setup.traced.change_by_address(setup.ada.email, CHOSEN)
    return [("auth:password:changed", setup.ada.id, setup.ada.id, None)]


def asks_for_a_reset(setup: AuditSetup) -> list[Event]:
    setup.traced.ask_for_reset(setup.ada.email)
    return [("auth:password:reset_asked", None, setup.ada.id, None)]


def asks_for_a_reset_of_nobody(setup: AuditSetup) -> list[Event]:
    setup.traced.ask_for_reset("nobody@example.com")
    return [("auth:password:reset_asked", None, None, None)]


def resets(setup: AuditSetup) -> list[Event]:
    setup.traced.reset(setup.ada.email, setup.flows.mailed_pin(setup.ada.email))
    return [("auth:password:reset", setup.ada.id, setup.ada.id, None)]


def fails_to_reset(setup: AuditSetup) -> list[Event]:
    pin = setup.flows.mailed_pin(setup.ada.email)
    setup.traced.reset(setup.ada.email, other_pin(pin))
    return [("auth:password:reset_failed", None, setup.ada.id, None)]


def fails_to_reset_nobody(setup: AuditSetup) -> list[Event]:
    setup.traced.reset("nobody@example.com", "123456")
    return [("auth:password:reset_failed", None, None, None)]


def asks_for_an_address(setup: AuditSetup) -> list[Event]:
    setup.traced.ask_for_address(setup.ada.access, "new@example.com", CHOSEN)
    return [("auth:email:change_asked", setup.ada.id, setup.ada.id, None)]


def finds_the_address_taken(setup: AuditSetup) -> list[Event]:
    setup.flows.ask_for_address(setup.ada.access, MOVED, CHOSEN)
    pin = setup.flows.pin_of(MOVED)
    setup.flows.create(setup.people.admin.access, MOVED, password=CHOSEN)
    setup.traced.confirm_address(setup.ada.access, pin)
    return [("auth:email:change_failed", setup.ada.id, setup.ada.id, None)]


def confirms_an_address(setup: AuditSetup) -> list[Event]:
    setup.flows.ask_for_address(setup.ada.access, "new@example.com", CHOSEN)
    setup.traced.confirm_address(setup.ada.access, setup.flows.pin_of("new@example.com"))
    return [("auth:email:changed", setup.ada.id, setup.ada.id, None)]


def fails_to_confirm_an_address(setup: AuditSetup) -> list[Event]:
    setup.flows.ask_for_address(setup.ada.access, "new@example.com", CHOSEN)
    setup.traced.confirm_address(setup.ada.access, other_pin(setup.flows.pin_of("new@example.com")))
    return [("auth:email:change_failed", setup.ada.id, setup.ada.id, None)]
