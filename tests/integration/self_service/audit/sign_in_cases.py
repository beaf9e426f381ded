"""Events of logins, sessions and tokens."""

from integration.harness.installation import AUTH, CLIENT
from integration.self_service.audit.audit_setup import AuditSetup, Event
from integration.self_service.flows import ANOTHER, CHOSEN


def logs_in(setup: AuditSetup) -> list[Event]:
    tokens = setup.traced.sign_in(setup.ada.email, CHOSEN)
    session = setup.installation.call("GET", f"{AUTH}/me", tokens.access).json()["session_id"]
    details = {"session_id": session, "new_device": True}
    return [("auth:login:succeeded", setup.ada.id, setup.ada.id, details)]


def fails_to_log_in(setup: AuditSetup) -> list[Event]:
    setup.traced.log_in(setup.ada.email, ANOTHER)
    return [("auth:login:failed", None, setup.ada.id, None)]


def fails_to_log_in_as_nobody(setup: AuditSetup) -> list[Event]:
    setup.traced.log_in("nobody@example.com", ANOTHER)
    return [("auth:login:failed", None, None, None)]


def steps_up(setup: AuditSetup) -> list[Event]:
    session = setup.installation.call("GET", f"{AUTH}/me", setup.ada.access).json()["session_id"]
    setup.send("POST", f"{AUTH}/step-up", setup.ada.access, json={"password": CHOSEN})
    return [("auth:step_up:succeeded", setup.ada.id, setup.ada.id, {"session_id": session})]


def fails_to_step_up(setup: AuditSetup) -> list[Event]:
    setup.send("POST", f"{AUTH}/step-up", setup.ada.access, json={"password": ANOTHER})
    return [("auth:password:check_failed", setup.ada.id, setup.ada.id, None)]


def logs_out(setup: AuditSetup) -> list[Event]:
    session = setup.installation.call("GET", f"{AUTH}/me", setup.ada.access).json()["session_id"]
    setup.send("POST", f"{AUTH}/logout", setup.ada.access)
    return [("auth:session:ended", setup.ada.id, setup.ada.id, {"session_id": session})]


def ends_somebodys_sessions(setup: AuditSetup) -> list[Event]:
    admin = setup.people.admin
    setup.send("DELETE", f"{AUTH}/users/{setup.ada.id}/sessions", admin.access)
    return [("auth:sessions:ended", admin.id, setup.ada.id, {"count": 1})]


def replays_a_refresh_token(setup: AuditSetup) -> list[Event]:
    renewed = setup.flows.refresh(setup.ada.refresh).json()
    setup.flows.refresh(renewed["refresh_token"])
    session = setup.installation.call("GET", f"{AUTH}/me", renewed["access_token"]).json()["session_id"]
    setup.traced.refresh(setup.ada.refresh)
    return [("auth:refresh_token:reused", None, setup.ada.id, {"session_id": session})]


def revokes_a_token(setup: AuditSetup) -> list[Event]:
    session = setup.installation.call("GET", f"{AUTH}/me", setup.ada.access).json()["session_id"]
    setup.send("POST", f"{AUTH}/revoke", data={"token": setup.ada.refresh}, auth=CLIENT)
    return [("auth:token:revoked", None, setup.ada.id, {"session_id": session, "client": CLIENT[0]})]


def sends_a_wrong_client_secret(setup: AuditSetup) -> list[Event]:
    setup.send("GET", f"{AUTH}/revocations", auth=(CLIENT[0], "not the secret of any client: 0123456789"))
    return [("auth:client:rejected", None, None, {"client": CLIENT[0]})]
