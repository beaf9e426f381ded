"""Bodies about dead letters."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from doorward_mail.dead_letters.repository import DeadMail


class DeadLetter(BaseModel):
    """A mail that could not be sent and is not retried."""

    id: uuid.UUID
    template: str
    recipient: str | None
    attempts: int
    created_at: datetime
    dead_at: datetime
    error: str = Field(
        description="The step that failed, with SMTP's codes.", examples=["recipient 550 5.1.1"]
    )

    @classmethod
    def of(cls, mail: DeadMail) -> Self:
        return cls(
            id=mail.id,
            template=mail.template,
            recipient=mail.recipient,
            attempts=mail.attempts,
            created_at=mail.created_at,
            dead_at=mail.dead_at,
            error=mail.last_error,
            **cls.details(mail),
        )

    @classmethod
    def details(cls, _mail: DeadMail) -> Mapping[str, Any]:
        """Return the fields that a service adds."""
        return {}
