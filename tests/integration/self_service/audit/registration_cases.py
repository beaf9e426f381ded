"""Events of registrations, invitations and the codes that were mailed for them."""

from integration.self_service.audit.audit_setup import MOVED, AuditSetup, Event
from integration.self_service.flows import CHOSEN, other_pin


def registers(setup: AuditSetup) -> list[Event]:
    setup.traced.register("new@example.com")
    return [("auth:account:registered", None, None, None)]


def registers_again(setup: AuditSetup) -> list[Event]:
    setup.traced.register(setup.ada.email)
    return [("auth:account:registered", None, setup.ada.id, None)]


def verifies(setup: AuditSetup) -> list[Event]:
    setup.flows.register("new@example.com")
    setup.traced.verify(setup.flows.code_of("new@example.com"))
    new = setup.flows.joined("new@example.com", CHOSEN).id
    return [("auth:email:verified", new, new, None)]


def fails_to_prove_an_address(setup: AuditSetup) -> list[Event]:
    setup.installation.call("PATCH", setup.ada.path, setup.people.admin.access, json={"email": MOVED})
    setup.flows.mailbox.wait()
    token = setup.flows.log_in(MOVED, CHOSEN).json()["sign_in_token"]
    setup.traced.prove_address(token, other_pin(setup.flows.pin_of(MOVED)))
    return [("auth:email:verification_failed", None, setup.ada.id, None)]


def enters_a_wrong_code(setup: AuditSetup) -> list[Event]:
    setup.flows.register("new@example.com")
    code = setup.flows.code_of("new@example.com")
    setup.traced.verify(code[:-4] + "AAAA")
    return [("auth:email:verification_failed", None, None, None)]


def enters_no_code(setup: AuditSetup) -> list[Event]:
    setup.traced.verify("123456")
    return [("auth:email:verification_failed", None, None, None)]


def accepts_an_invitation(setup: AuditSetup) -> list[Event]:
    bob, code = setup.flows.invited(setup.people.admin.access, "bob@example.com")
    setup.traced.accept(code)
    return [("auth:invitation:accepted", bob, bob, None)]


def enters_a_wrong_code_of_an_invitation(setup: AuditSetup) -> list[Event]:
    bob, code = setup.flows.invited(setup.people.admin.access, "bob@example.com")
    setup.traced.accept(code[:-4] + "AAAA")
    return [("auth:invitation:failed", None, bob, None)]
