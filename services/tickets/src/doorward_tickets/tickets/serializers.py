"""Tickets and replies as JSON, written straight from their rows; a test holds them against the schemas."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from doorward_kit.responses import to_json
from doorward_tickets.replies.repository import ReplyRow
from doorward_tickets.tickets.repository import TicketRow, TicketText
from doorward_tickets.tickets.workflow import Priority


def ticket_document(row: TicketRow) -> dict[str, Any]:
    """Show a ticket as in lists."""
    return {
        "id": row.id,
        "subject": row.subject,
        "status": row.status,
        "priority": Priority.of_rank(row.priority),
        "author": _person(row.author_id, row.author_name, row.author_deleted_at),
        "assignee": None
        if row.assignee_id is None
        else _person(row.assignee_id, row.assignee_name, row.assignee_deleted_at),
        "reply_count": row.reply_count,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def reply_document(row: ReplyRow) -> dict[str, Any]:
    """Show a reply."""
    return {
        "id": row.id,
        "number": row.number,
        "author": _person(row.author_id, row.author_name, row.author_deleted_at),
        "body": row.body,
        "created_at": row.created_at,
    }


def detail_json(found: TicketText, thread: Sequence[ReplyRow], next_cursor: str | None) -> bytes:
    """Write a ticket with its text and the start of its thread."""
    return to_json(
        {
            **ticket_document(found.ticket),
            "body": found.body,
            "muted": found.is_muted,
            "replies": [reply_document(reply) for reply in thread],
            "replies_next_cursor": next_cursor,
        }
    )


def _person(person_id: uuid.UUID, name: str | None, deleted_at: datetime | None) -> dict[str, Any]:
    return {"id": person_id, "name": name, "deleted": deleted_at is not None}
