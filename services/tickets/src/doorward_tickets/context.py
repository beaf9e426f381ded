"""What the rules of this service work with, each made once."""

from collections.abc import Callable
from dataclasses import dataclass

from doorward_kit.idempotency import IdempotencyKeys
from doorward_kit.pagination import CursorCodec
from doorward_kit.unit_of_work import Database
from doorward_tickets.notifications.service import NotificationService
from doorward_tickets.user_snapshots.caller import People


@dataclass(frozen=True, slots=True)
class TicketsContext:
    """The database, the people, what seals cursors and remembers answers, and what tells people of changes.

    `wake_mail` is to be called when a change that told somebody has committed.
    """

    database: Database
    people: People
    keys: IdempotencyKeys
    cursors: CursorCodec
    notices: NotificationService
    wake_mail: Callable[[], None]
