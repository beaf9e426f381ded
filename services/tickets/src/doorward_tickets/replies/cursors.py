"""Cursors of threads."""

import uuid
from collections.abc import Sequence

from doorward_kit.pagination import CursorCodec, Position
from doorward_tickets.replies.repository import ReplyRow


class ReplyCursors:
    """Writes and reads where a page of a thread ended."""

    def __init__(self, cursors: CursorCodec) -> None:
        self._cursors = cursors

    def page(
        self, found: Sequence[ReplyRow], limit: int, ticket_id: uuid.UUID
    ) -> tuple[Sequence[ReplyRow], str | None]:
        """Cut what was found to a page, and write the cursor of the next."""
        return self._cursors.page(
            found, limit, lambda row: Position(str(row.number), ""), query=("replies", ticket_id)
        )

    def behind(self, cursor: str | None, ticket_id: uuid.UUID) -> int:
        """Return the number that a page begins after; raises InvalidCursorError."""
        if cursor is None:
            return 0
        return int(self._cursors.decode(cursor, query=("replies", ticket_id)).value)
