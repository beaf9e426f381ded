"""What is recorded: the audit log, and people's own activity."""

from typing import Any

from e2e.probe import AUTH, USERS
from e2e.walk import Walk, new_password


def audit(walk: Walk) -> None:
    """Every security event is there to be read: who, whom, from where, in which request."""
    member = walk.member("olga")
    path = {"target": member.id}
    renamed = walk.send("PATCH", member.path, walk.admin, json={"name": "Olga O.", "role": "admin"})
    walk.expect("a change", renamed, 200)
    walk.expect("a failed login", walk.log_in(member.email, "not a password of anybody"), 401)
    log = walk.prove(
        "An administrator reads the audit log",
        walk.send("GET", f"{AUTH}/audit", walk.admin, params=path),
        200,
    )
    events: list[dict[str, Any]] = log["items"]
    actions = [event["action"] for event in events]
    expected = ["auth:login:failed", "users:account:updated", "auth:login:succeeded"]
    walk.check(
        "What just happened is in it, the newest first",
        [a for a in actions if a in expected] == expected,
        actions,
    )
    updated = events[actions.index("users:account:updated")]
    walk.check(
        "A change says who made it, of what, and in which request",
        updated["request_id"] == renamed.headers["x-request-id"]
        and updated["actor_id"] not in {None, member.id}
        and updated["details"]["role"] == ["user", "admin"],
        updated,
    )
    walk.check(
        "Neither passwords nor addresses are in it",
        not any(private in str(events) for private in (member.password, member.email)),
    )
    tampered = {**path, "cursor": "x" * 64}
    walk.prove(
        "A cursor cannot be made up",
        walk.send("GET", f"{AUTH}/audit", walk.admin, params=tampered),
        400,
        "invalid_cursor",
    )


def activity(walk: Walk) -> None:
    """People read what happened to their own account, and nothing else."""
    member = walk.member("tina")
    walk.expect("somebody else is created", walk.create("uwe", password=new_password()), 201)
    refused = walk.send("GET", f"{AUTH}/audit", member.session.access)
    walk.prove("The audit log is for administrators", refused, 403, "insufficient_permission")
    mine = walk.send("GET", f"{USERS}/me/activity", member.session.access)
    events = walk.prove("One's own activity is one's own to read", mine, 200)["items"]
    walk.check("It is about nobody else", {event["target_id"] for event in events} == {member.id}, events)
