"""Refusals about sessions."""

from doorward_client.errors import NotFoundError


class SessionNotFoundError(NotFoundError):
    """404 for a session that is not there, has ended, or is somebody else's."""

    code = "session_not_found"
    detail = "You have no such session."
