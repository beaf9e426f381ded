"""What the rules of this service work with, each made once."""

from dataclasses import dataclass

from doorward_common.idempotency import IdempotencyKeys
from doorward_common.pagination import CursorCodec
from doorward_common.unit_of_work import Database
from doorward_tickets.people.service import People


@dataclass(frozen=True, slots=True)
class Means:
    """The database, the people, and what seals cursors and remembers answers."""

    database: Database
    people: People
    keys: IdempotencyKeys
    cursors: CursorCodec
