"""What the rules of this service work with, each made once."""

from collections.abc import Callable
from dataclasses import dataclass

from doorward_common.idempotency import IdempotencyKeys
from doorward_common.pagination import CursorCodec
from doorward_common.unit_of_work import Database
from doorward_tickets.notices.service import Notices
from doorward_tickets.people.service import People


@dataclass(frozen=True, slots=True)
class Means:
    """The database, the people, what seals cursors and remembers answers, and what tells people of changes.

    `wake_mail` is to be called when a change that told somebody has committed.
    """

    database: Database
    people: People
    keys: IdempotencyKeys
    cursors: CursorCodec
    notices: Notices
    wake_mail: Callable[[], None]
