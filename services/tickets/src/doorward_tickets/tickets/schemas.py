"""Bodies of tickets."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from doorward_kit.routing import StrictModel
from doorward_kit.user_text import one_line, paragraphs
from doorward_tickets.tables import BODY_LENGTH, SUBJECT_LENGTH
from doorward_tickets.tickets.workflow import Priority, TicketStatus


def _subject(text: str) -> str:
    return one_line(text, what="subject", max_length=SUBJECT_LENGTH)


def _body(text: str) -> str:
    return paragraphs(text, what="body", max_length=BODY_LENGTH)


Subject = Annotated[
    str,
    Field(min_length=1, max_length=SUBJECT_LENGTH, examples=["The printer is on fire"]),
    AfterValidator(_subject),
]
Body = Annotated[
    str,
    Field(min_length=1, max_length=BODY_LENGTH, examples=["Since this morning.\nThird floor."]),
    AfterValidator(_body),
]


class TicketSort(StrEnum):
    """Orders of the list; a minus turns one around. Ties go by id."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    UPDATED_AT = "updated_at"
    UPDATED_AT_DESC = "-updated_at"
    PRIORITY = "priority"
    PRIORITY_DESC = "-priority"


class Person(BaseModel):
    """Somebody beside a ticket."""

    id: uuid.UUID
    name: str | None = Field(
        description="As it was when they last acted here; null when it was never heard, and of the deleted."
    )
    deleted: bool = Field(description="Whether the account is known to be gone.")


class Ticket(BaseModel):
    """A ticket as lists have it."""

    id: uuid.UUID
    subject: str
    status: TicketStatus
    priority: Priority
    author: Person
    assignee: Person | None
    reply_count: int
    created_at: datetime
    updated_at: datetime


class Reply(BaseModel):
    """One reply of a thread."""

    id: uuid.UUID
    number: int = Field(description="Its place in the thread, from 1.")
    author: Person
    body: str
    created_at: datetime


class TicketDetail(Ticket):
    """A ticket with its text and the start of its thread."""

    body: str
    muted: bool = Field(description="Whether you get no mail about it.")
    replies: list[Reply]
    replies_next_cursor: str | None = Field(
        description="`cursor` for `GET /api/v1/tickets/{ticket_id}/replies`, null when these are all."
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
    """What administrators set; what is absent stays, and null unassigns."""

    assignee_id: uuid.UUID | None = None
    priority: Priority | None = None

    @field_validator("priority", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("Leave the member out to keep its value; null is not one.")
        return value


class Filter(BaseModel):
    """Which tickets, of those that the caller sees."""

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...] = ()
    status: TicketStatus | None = None
    author: uuid.UUID | None = None
    assignee: uuid.UUID | None = None
