"""Tickets and replies as JSON, written directly from rows; a test compares them with the schemas."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from doorward_kit.etags import version_etag
from doorward_kit.idempotency import StoredAnswer
from doorward_kit.responses import to_json
from doorward_tickets.tickets.repository import TicketRow, TicketWithBody
from doorward_tickets.tickets.workflow import Priority


class ReplyRow(NamedTuple):
    """A reply with the name of its author from the user snapshots."""

    id: uuid.UUID
    number: int
    author_id: uuid.UUID
    author_name: str | None
    author_deleted_at: datetime | None
    body: str
    created_at: datetime


def ticket_document(row: TicketRow) -> dict[str, Any]:
    """Return a schemas.Ticket."""
    return {
        "id": row.id,
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "priority": Priority.of_rank(row.priority),
        "author": _participant(row.author_id, row.author_name, row.author_deleted_at),
        "assignee": None
        if row.assignee_id is None
        else _participant(row.assignee_id, row.assignee_name, row.assignee_deleted_at),
        "reply_count": row.reply_count,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def reply_document(row: ReplyRow) -> dict[str, Any]:
    """Return a schemas.Reply."""
    return {
        "id": row.id,
        "number": row.number,
        "author": _participant(row.author_id, row.author_name, row.author_deleted_at),
        "body": row.body,
        "created_at": row.created_at,
    }


def detail_json(found: TicketWithBody, replies: Sequence[ReplyRow], next_cursor: str | None) -> bytes:
    """Return a schemas.TicketDetail."""
    return to_json(
        {
            **ticket_document(found.ticket),
            "body": found.body,
            "subscribed": found.is_subscribed,
            "replies": [reply_document(reply) for reply in replies],
            "replies_next_cursor": next_cursor,
        }
    )


def ticket_answer(row: TicketRow) -> StoredAnswer:
    """Return the 200 response with a ticket and its ETag."""
    return StoredAnswer(200, to_json(ticket_document(row)), version_etag(row.version))


def _participant(user_id: uuid.UUID, name: str | None, deleted_at: datetime | None) -> dict[str, Any]:
    return {"id": user_id, "name": name, "deleted": deleted_at is not None}
