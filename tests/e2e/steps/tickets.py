"""Tickets: what people ask of the team, and who sees it."""

import secrets
from typing import Any

import httpx2

from e2e.probe import TICKETS
from e2e.walk import Member, Walk


def asking_and_answering(walk: Walk) -> None:
    """A user asks, an administrator answers, and nobody else sees it."""
    member = walk.member("tess")
    asked = {"subject": f"No paper {walk.run}", "body": "The printer is empty.", "priority": "normal"}
    key = {"Idempotency-Key": secrets.token_hex(8)}
    created = _ask(walk, member, asked, key)
    if created.status_code == 404:
        walk.skip("this installation has no tickets")
        return
    ticket = walk.prove("A ticket is created", created, 201)
    path = f"{TICKETS}/{ticket['id']}"
    walk.check("... and says where it is", created.headers["location"] == path, created.headers["location"])
    again = walk.prove("Sent again with its Idempotency-Key", _ask(walk, member, asked, key), 201)
    walk.check("... it is the same one", again["id"] == ticket["id"], again)
    _hidden(walk, path, asked["subject"])
    _answered(walk, member, path)
    _closed_and_opened(walk, member, path)


def _hidden(walk: Walk, path: str, subject: str) -> None:
    other = walk.member("otto").session.access
    found = walk.send("GET", path, other)
    walk.prove("To anybody else there is no such ticket", found, 404, "ticket_not_found")
    reply = walk.send("POST", f"{path}/replies", other, json={"body": "Let me in."})
    walk.prove("... nor for a reply", reply, 404, "ticket_not_found")
    listed = walk.send("GET", TICKETS, other, params={"q": subject})
    walk.check("... nor in a search", _items(walk, listed) == [], listed.text)


def _answered(walk: Walk, member: Member, path: str) -> None:
    raised = walk.send("PATCH", path, walk.admin, json={"priority": "high"})
    walk.prove("An administrator sets its priority", raised, 200)
    own = walk.send("PATCH", path, member.session.access, json={"priority": "low"})
    walk.prove("... and its author does not", own, 403, "insufficient_permission")
    reply = walk.send("POST", f"{path}/replies", walk.admin, json={"body": "Coming."})
    walk.prove("An administrator replies", reply, 201)
    read = walk.prove("Its author reads it", walk.send("GET", path, member.session.access), 200)
    seen = ([one["body"] for one in read["replies"]], read["priority"])
    walk.check("... with the reply and the priority", seen == (["Coming."], "high"), read)


def _closed_and_opened(walk: Walk, member: Member, path: str) -> None:
    closed = walk.prove("It is closed", walk.send("PATCH", f"{path}/close", walk.admin), 200)
    walk.check("... and says so", closed["status"] == "closed", closed)
    reply = walk.send("POST", f"{path}/replies", member.session.access, json={"body": "Empty again."})
    walk.prove("Its author replies", reply, 201)
    read = walk.expect("the ticket", walk.send("GET", path, member.session.access), 200)
    walk.check("... which opens it again", read["status"] == "open", read)
    walk.expect("it is closed", walk.send("PATCH", f"{path}/close", member.session.access), 200)
    mine = walk.send("GET", TICKETS, member.session.access, params={"status": "closed"})
    walk.check("It is among its author's closed ones", len(_items(walk, mine)) == 1, mine.text)


def _ask(walk: Walk, member: Member, body: dict[str, str], headers: dict[str, str]) -> httpx2.Response:
    return walk.send("POST", TICKETS, member.session.access, json=body, headers=headers)


def _items(walk: Walk, response: httpx2.Response) -> list[Any]:
    items: list[Any] = walk.expect("the list", response, 200)["items"]
    return items
