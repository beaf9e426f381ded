"""Tickets: creating, replying, closing, and visibility."""

import secrets
from typing import Any

import httpx2

from e2e.context import Context, Member
from e2e.probe import TICKETS


def asking_and_answering(context: Context) -> None:
    """A user and an administrator see a ticket, and other users do not."""
    member = context.member("tess")
    asked = {"subject": f"No paper {context.run}", "body": "The printer is empty.", "priority": "normal"}
    key = {"Idempotency-Key": secrets.token_hex(8)}
    created = _ask(context, member, asked, key)
    if created.status_code == 404:
        context.skip("this installation has no tickets")
        return
    ticket = context.prove("A ticket is created", created, 201)
    path = f"{TICKETS}/{ticket['id']}"
    context.check("... with its Location", created.headers["location"] == path, created.headers["location"])
    again = context.prove(
        "A request is repeated with its Idempotency-Key", _ask(context, member, asked, key), 201
    )
    context.check("... and returns the same ticket", again["id"] == ticket["id"], again)
    _hidden(context, path, asked["subject"])
    _answered(context, member, path)
    _closed_and_opened(context, member, path)
    _deleted(context, member, path)


def _hidden(context: Context, path: str, subject: str) -> None:
    other = context.member("otto").session.access
    found = context.send("GET", path, other)
    context.prove("Other users cannot read the ticket", found, 404, "ticket_not_found")
    reply = context.send("POST", f"{path}/replies", other, json={"body": "Let me in."})
    context.prove("... or reply to it", reply, 404, "ticket_not_found")
    listed = context.send("GET", TICKETS, other, params={"q": subject})
    context.check("... or find it", _items(context, listed) == [], listed.text)


def _answered(context: Context, member: Member, path: str) -> None:
    raised = context.send("PATCH", path, context.admin, json={"priority": "high"})
    context.prove("An administrator sets its priority", raised, 200)
    own = context.send("PATCH", path, member.session.access, json={"priority": "low"})
    context.prove("... and its author cannot", own, 403, "insufficient_permission")
    reply = context.send("POST", f"{path}/replies", context.admin, json={"body": "Coming."})
    context.prove("An administrator replies", reply, 201)
    read = context.prove("Its author reads the ticket", context.send("GET", path, member.session.access), 200)
    seen = ([one["body"] for one in read["replies"]], read["priority"])
    context.check("... with the reply and the priority", seen == (["Coming."], "high"), read)


def _closed_and_opened(context: Context, member: Member, path: str) -> None:
    closed = context.prove("The ticket is closed", context.send("PATCH", f"{path}/close", context.admin), 200)
    context.check("... and has the status closed", closed["status"] == "closed", closed)
    reply = context.send("POST", f"{path}/replies", member.session.access, json={"body": "Empty again."})
    context.prove("Its author replies", reply, 201)
    read = context.expect("the ticket", context.send("GET", path, member.session.access), 200)
    context.check("... which reopens it", read["status"] == "open", read)
    context.expect("it is closed", context.send("PATCH", f"{path}/close", member.session.access), 200)
    mine = context.send("GET", TICKETS, member.session.access, params={"status": "closed"})
    context.check(
        "The author's list of closed tickets contains it", len(_items(context, mine)) == 1, mine.text
    )


def _deleted(context: Context, member: Member, path: str) -> None:
    own = context.send("DELETE", path, member.session.access)
    context.prove("Its author cannot delete it", own, 403, "insufficient_permission")
    context.prove("An administrator deletes it", context.send("DELETE", path, context.admin), 204)
    gone = context.send("GET", path, member.session.access)
    context.prove("... and it is gone", gone, 404, "ticket_not_found")
    mine = context.send("GET", TICKETS, member.session.access)
    context.check("... from lists, too", _items(context, mine) == [], mine.text)


def _ask(context: Context, member: Member, body: dict[str, str], headers: dict[str, str]) -> httpx2.Response:
    return context.send("POST", TICKETS, member.session.access, json=body, headers=headers)


def _items(context: Context, response: httpx2.Response) -> list[Any]:
    items: list[Any] = context.expect("the list", response, 200)["items"]
    return items
