"""Bodies about mail of tickets that could not be sent."""

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from doorward_mail.dead_letters.repository import DeadMail
from doorward_mail.dead_letters.schemas import DeadLetter


class TicketDeadLetter(DeadLetter):
    """A mail about a ticket that nobody tries to send any more.

    `recipient` is null: the address is asked for when a mail is sent, and kept nowhere.
    """

    ticket_id: uuid.UUID
    user_id: uuid.UUID = Field(description="Whom it is for.")

    @classmethod
    def details(cls, mail: DeadMail) -> Mapping[str, Any]:
        """Read about which ticket it is, and for whom."""
        return {name: uuid.UUID(hex=mail.parameters[name]) for name in ("ticket_id", "user_id")}
