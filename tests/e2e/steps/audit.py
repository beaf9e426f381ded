"""What is recorded: the audit log, and people's own activity."""

from typing import Any

from e2e.context import Context, new_password
from e2e.probe import AUTH, USERS


def audit(context: Context) -> None:
    """Every security event is there to be read: who, whom, from where, in which request."""
    member = context.member("olga")
    path = {"target": member.id}
    renamed = context.send("PATCH", member.path, context.admin, json={"name": "Olga O.", "role": "admin"})
    context.expect("a change", renamed, 200)
    context.expect("a failed login", context.log_in(member.email, "not a password of anybody"), 401)
    log = context.prove(
        "An administrator reads the audit log",
        context.send("GET", f"{AUTH}/audit", context.admin, params=path),
        200,
    )
    events: list[dict[str, Any]] = log["items"]
    actions = [event["action"] for event in events]
    expected = ["auth:login:failed", "users:account:updated", "auth:login:succeeded"]
    context.check(
        "What just happened is in it, the newest first",
        [a for a in actions if a in expected] == expected,
        actions,
    )
    updated = events[actions.index("users:account:updated")]
    context.check(
        "A change says who made it, of what, and in which request",
        updated["request_id"] == renamed.headers["x-request-id"]
        and updated["actor_id"] not in {None, member.id}
        and updated["details"]["role"] == ["user", "admin"],
        updated,
    )
    context.check(
        "Neither passwords nor addresses are in it",
        not any(private in str(events) for private in (member.password, member.email)),
    )
    tampered = {**path, "cursor": "x" * 64}
    context.prove(
        "A cursor cannot be made up",
        context.send("GET", f"{AUTH}/audit", context.admin, params=tampered),
        400,
        "invalid_cursor",
    )


def activity(context: Context) -> None:
    """People read what happened to their own account, and nothing else."""
    member = context.member("tina")
    context.expect("somebody else is created", context.create("uwe", password=new_password()), 201)
    refused = context.send("GET", f"{AUTH}/audit", member.session.access)
    context.prove("The audit log is for administrators", refused, 403, "insufficient_permission")
    mine = context.send("GET", f"{USERS}/me/activity", member.session.access)
    events = context.prove("One's own activity is one's own to read", mine, 200)["items"]
    context.check("It is about nobody else", {event["target_id"] for event in events} == {member.id}, events)
