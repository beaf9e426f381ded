"""Counts rotations in the database with a trigger, independent of the services."""

import uuid
from typing import Final

from support.databases import Database

_TABLE: Final = "CREATE TABLE rotations_seen (session_id BINARY(16) NOT NULL, INDEX (session_id))"
_TRIGGER: Final = """
CREATE TRIGGER rotation_seen AFTER UPDATE ON sessions FOR EACH ROW
IF NEW.rotated_at IS NOT NULL AND NOT NEW.rotated_at <=> OLD.rotated_at THEN
    INSERT INTO rotations_seen VALUES (NEW.id);
END IF
"""


class RotationCounter:
    """Counts the rotations of sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.execute(_TABLE)
        database.execute(_TRIGGER)

    def count(self, session_id: uuid.UUID) -> int:
        """Return how often a session's token was replaced."""
        statement = "SELECT COUNT(*) FROM rotations_seen WHERE session_id = %s"
        [(count,)] = self._database.execute(statement, session_id.bytes)
        return int(count)
