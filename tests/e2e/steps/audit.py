"""The audit log, and the activity of the own account."""

from typing import Any

from e2e.context import Context, new_password
from e2e.probe import AUTH, USERS


def audit(context: Context) -> None:
    """Every security event is recorded with actor, target, client IP and request id."""
    member = context.member("olga")
    path = {"target": member.id}
    renamed = context.send("PATCH", member.path, context.admin, json={"name": "Olga O.", "role": "admin"})
    context.expect("a change", renamed, 200)
    context.expect("a failed login", context.log_in(member.email, "not the right password"), 401)
    log = context.prove(
        "An administrator reads the audit log",
        context.send("GET", f"{AUTH}/audit", context.admin, params=path),
        200,
    )
    events: list[dict[str, Any]] = log["items"]
    actions = [event["action"] for event in events]
    expected = ["auth:login:failed", "users:account:updated", "auth:login:succeeded"]
    context.check(
        "It contains the latest events, newest first",
        [a for a in actions if a in expected] == expected,
        actions,
    )
    updated = events[actions.index("users:account:updated")]
    context.check(
        "A change is recorded with actor, details and request id",
        updated["request_id"] == renamed.headers["x-request-id"]
        and updated["actor_id"] not in {None, member.id}
        and updated["details"]["role"] == ["user", "admin"],
        updated,
    )
    context.check(
        "It contains neither passwords nor addresses",
        not any(private in str(events) for private in (member.password, member.email)),
    )
    tampered = {**path, "cursor": "x" * 64}
    context.prove(
        "A forged cursor is rejected",
        context.send("GET", f"{AUTH}/audit", context.admin, params=tampered),
        400,
        "invalid_cursor",
    )


def activity(context: Context) -> None:
    """Users read the events of their own account, and no others."""
    member = context.member("tina")
    context.expect("another user is created", context.create("uwe", password=new_password()), 201)
    rejected = context.send("GET", f"{AUTH}/audit", member.session.access)
    context.prove("The audit log requires an administrator", rejected, 403, "insufficient_permission")
    mine = context.send("GET", f"{USERS}/me/activity", member.session.access)
    events = context.prove("A user reads the activity of the own account", mine, 200)["items"]
    context.check(
        "It contains no events of others", {event["target_id"] for event in events} == {member.id}, events
    )
