"""Refusals about the feed of deletions."""

from doorward_client.errors import DoorwardError


class CursorExpiredError(DoorwardError):
    """410: the feed no longer has the entry, so nobody can say what came behind it."""

    status = 410
    code = "cursor_expired"
    detail = "The feed does not go back as far. Ask about everyone you know, and read it from its beginning."
