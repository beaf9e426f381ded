"""Bodies of tickets and replies."""

import uuid
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, field_validator

from doorward_kit.omissible import Omissible, reject_null
from doorward_kit.routing import StrictModel
from doorward_kit.user_text import one_line, paragraphs
from doorward_tickets.tables import BODY_LENGTH, SUBJECT_LENGTH
from doorward_tickets.tickets.workflow import Priority, TicketStatus

Subject = Annotated[
    str,
    Field(min_length=1, max_length=SUBJECT_LENGTH, examples=["The printer is on fire"]),
    AfterValidator(partial(one_line, what="subject", max_length=SUBJECT_LENGTH)),
]
Body = Annotated[
    str,
    Field(min_length=1, max_length=BODY_LENGTH, examples=["Since this morning.\nThird floor."]),
    AfterValidator(partial(paragraphs, what="body", max_length=BODY_LENGTH)),
]


class TicketSort(StrEnum):
    """Orders of the list; a minus reverses the order. The id breaks ties."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    UPDATED_AT = "updated_at"
    UPDATED_AT_DESC = "-updated_at"
    PRIORITY = "priority"
    PRIORITY_DESC = "-priority"


class ReplySort(StrEnum):
    """Orders of a thread: from its start, or with a minus from its end."""

    NUMBER = "number"
    NUMBER_DESC = "-number"


class Participant(BaseModel):
    """The author or assignee of a ticket, or the author of a reply."""

    id: uuid.UUID
    name: str | None = Field(
        description="The name at the user's last change here; null if unknown, and for deleted users."
    )
    deleted: bool = Field(description="Whether the account was deleted.")


class Ticket(BaseModel):
    """A ticket in a list."""

    id: uuid.UUID
    number: int | None = Field(
        description="A number to say aloud: unique in the installation, and never assigned again. Null while"
        " an upgrade from a release without numbers is under way.",
        examples=[1042],
    )
    subject: str
    status: TicketStatus
    priority: Priority
    author: Participant
    assignee: Participant | None
    reply_count: int
    created_at: datetime
    updated_at: datetime


class Reply(BaseModel):
    """A reply to a ticket."""

    id: uuid.UUID
    number: int = Field(description="The position in the thread, from 1.")
    author: Participant
    body: str
    created_at: datetime


class TicketDetail(Ticket):
    """A ticket with its body and its first replies."""

    body: str
    subscribed: bool = Field(description="Whether you are notified by mail about this ticket.")
    replies: list[Reply]
    replies_next_cursor: str | None = Field(
        description="`cursor` for `GET /api/v1/tickets/{ticket_id}/replies`; null if there are no more."
    )


class TicketCreate(StrictModel):
    """A new ticket."""

    subject: Subject
    body: Body
    priority: Priority = Priority.NORMAL


class ReplyCreate(StrictModel):
    """A new reply."""

    body: Body


class TicketPatch(StrictModel):
    """Changes of a ticket; an omitted field keeps its value. `assignee_id` null unassigns the ticket."""

    assignee_id: uuid.UUID | None = None
    priority: Omissible[Priority] = None

    @field_validator("priority", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return reject_null(value)
