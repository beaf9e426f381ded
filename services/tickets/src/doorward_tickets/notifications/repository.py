"""Queries on pending notifications and mutes."""

import uuid
from enum import StrEnum
from typing import Final, NamedTuple

import orjson
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert
from doorward_mail.outbox.mail import Mail, enqueue
from doorward_tickets.tables import (
    notification_mutes,
    outbox,
    pending_notifications,
    replies,
    tickets,
    user_snapshots,
)
from doorward_tickets.users.repository import find_locale

_LATEST_REPLIES: Final = 100
"""Replies at the end of a thread in which the latest responder is looked for."""

_LATEST_RESPONDER: Final = (
    sa.select(replies.c.author_id)
    .select_from(replies.outerjoin(user_snapshots, user_snapshots.c.id == replies.c.author_id))
    .where(
        replies.c.ticket_id == sa.bindparam("ticket_id"),
        replies.c.number > sa.bindparam("after"),
        replies.c.author_id != sa.bindparam("other_id"),
        user_snapshots.c.deleted_at.is_(None),
    )
    .order_by(replies.c.number.desc())
    .limit(1)
)


class NotificationType(StrEnum):
    """Types of mail about a ticket; the value names the template."""

    REPLIED = "ticket_replied"
    CLOSED = "ticket_closed"
    ASSIGNED = "ticket_assigned"  # to the assignee
    TAKEN = "ticket_taken"  # to the author of an assigned ticket


class NotificationKey(NamedTuple):
    """Which ticket, which user, which type of mail."""

    ticket_id: uuid.UUID
    user_id: uuid.UUID
    type: NotificationType


class PendingNotification(NamedTuple):
    """The newest mail of a key; earlier mails include the replies up to `after_reply_number`."""

    mail_id: uuid.UUID
    after_reply_number: int


class NotifiedTicket(NamedTuple):
    """The data of a ticket that a mail contains."""

    number: int | None
    subject: str
    status: str
    author_id: uuid.UUID
    assignee_id: uuid.UUID | None
    assignee_name: str | None


class ReplySummary(NamedTuple):
    """The number of new replies, and the author of the latest."""

    total: int
    author_name: str | None


def schedule(
    connection: sa.Connection, key: NotificationKey, *, after_reply_number: int, interval_seconds: int
) -> bool:
    """Enqueue a mail, due `interval_seconds` after the previous one; return whether it was enqueued.

    It is not while an earlier mail waits for its time, because that mail is written when it is sent, and
    includes this event. The caller holds the ticket's lock. The row lock excludes the worker that writes the
    mail, and the time is read under it: a due mail may be written already.
    """
    row = connection.execute(
        sa.select(
            pending_notifications.c.mail_id,
            pending_notifications.c.after_reply_number,
            pending_notifications.c.due_at,
        )
        .where(*_row_of(key))
        .with_for_update()
    ).one_or_none()
    wait = 0
    if row is not None:
        # A dead letter is unsent, too: the new mail includes what it would have said.
        now, is_unsent = connection.execute(
            sa.select(utc_now(), sa.exists().where(outbox.c.id == row.mail_id))
        ).one()
        if row.due_at > now:
            return False
        wait = max(0, interval_seconds - int((now - row.due_at).total_seconds()))
        after_reply_number = row.after_reply_number if is_unsent else after_reply_number
    parameters = {"ticket_id": key.ticket_id.hex, "user_id": key.user_id.hex}
    mail = Mail(key.type.value, None, find_locale(connection, key.user_id), parameters, wait=wait)
    changes = {"mail_id": mail.id, "after_reply_number": after_reply_number, "due_at": utc_now(wait)}
    # Before the mail, which must not be due earlier than the row says.
    upsert(
        connection,
        pending_notifications,
        {**key._asdict(), "type": key.type.value, **changes},
        changed=tuple(changes),
    )
    enqueue(connection, outbox, mail)
    return True


def lock_pending(connection: sa.Connection, key: NotificationKey) -> PendingNotification | None:
    """Read a row and lock it against `schedule`, which decides by whether the mail was written."""
    columns = pending_notifications.c.mail_id, pending_notifications.c.after_reply_number
    row = connection.execute(sa.select(*columns).where(*_row_of(key)).with_for_update()).one_or_none()
    return None if row is None else PendingNotification(*row)


def is_superseded(connection: sa.Connection, mail_id: uuid.UUID) -> bool:
    """Return whether a newer mail includes this one; none can be enqueued until the commit."""
    mail = connection.execute(
        sa.select(outbox.c.template, outbox.c.parameters).where(outbox.c.id == mail_id)
    ).one()
    parameters = orjson.loads(mail.parameters)
    newest = (
        sa.select(pending_notifications.c.mail_id)
        .where(
            pending_notifications.c.ticket_id == uuid.UUID(hex=parameters["ticket_id"]),
            pending_notifications.c.user_id == uuid.UUID(hex=parameters["user_id"]),
            pending_notifications.c.type == mail.template,
        )
        .with_for_update()
    )
    # None: the row was deleted long after its mail was sent, which was not this one.
    return connection.execute(newest).scalar_one_or_none() != mail_id


def find_notified_ticket(connection: sa.Connection, ticket_id: uuid.UUID) -> NotifiedTicket | None:
    columns = (
        tickets.c.number,
        tickets.c.subject,
        tickets.c.status,
        tickets.c.author_id,
        tickets.c.assignee_id,
        user_snapshots.c.name,
    )
    source = tickets.outerjoin(user_snapshots, user_snapshots.c.id == tickets.c.assignee_id)
    found = sa.select(*columns).select_from(source).where(tickets.c.id == ticket_id)
    row = connection.execute(found).one_or_none()
    return None if row is None else NotifiedTicket(*row)


def summarize_replies(
    connection: sa.Connection, key: NotificationKey, after_reply_number: int
) -> ReplySummary:
    """Count the replies of other users after a number."""
    others = (
        replies.c.ticket_id == key.ticket_id,
        replies.c.number > after_reply_number,
        replies.c.author_id != key.user_id,
    )
    count = connection.execute(sa.select(sa.func.count()).select_from(replies).where(*others)).scalar_one()
    source = replies.join(user_snapshots, user_snapshots.c.id == replies.c.author_id)
    name = sa.select(user_snapshots.c.name).select_from(source).where(*others)
    latest = name.order_by(replies.c.number.desc()).limit(1)
    return ReplySummary(count, connection.execute(latest).scalar_one_or_none())


def latest_responder(
    connection: sa.Connection, ticket_id: uuid.UUID, author_id: uuid.UUID, reply_count: int
) -> uuid.UUID | None:
    """Return the user who replied last, without the author and deleted users."""
    values = {"ticket_id": ticket_id, "other_id": author_id, "after": reply_count - _LATEST_REPLIES}
    return connection.execute(_LATEST_RESPONDER, values).scalar_one_or_none()


def is_muted(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    found = sa.select(notification_mutes.c.user_id).where(*_mute_of(ticket_id, user_id))
    return connection.execute(found).scalar_one_or_none() is not None


def mute(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Store that a user has unsubscribed from a ticket; idempotent."""
    values = {"ticket_id": ticket_id, "user_id": user_id}
    upsert(connection, notification_mutes, values, changed=("user_id",))


def unmute(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> None:
    connection.execute(notification_mutes.delete().where(*_mute_of(ticket_id, user_id)))


def purge(connection: sa.Connection, /, *, seconds: int, count: int) -> int:
    """Delete up to `count` rows whose mail was due `seconds` ago; return how many.

    Rows with an unsent mail stay: without its row, a mail that is retried would count as superseded.
    """
    key = (
        pending_notifications.c.ticket_id,
        pending_notifications.c.user_id,
        pending_notifications.c.type,
    )
    is_old = pending_notifications.c.due_at < utc_now(-seconds)
    is_unsent = sa.exists().where(outbox.c.id == pending_notifications.c.mail_id)
    found = [tuple(row) for row in connection.execute(sa.select(*key).where(is_old, ~is_unsent).limit(count))]
    if found:
        # The condition again: a new mail may have been scheduled since.
        connection.execute(pending_notifications.delete().where(sa.tuple_(*key).in_(found), is_old))
    return len(found)


def _row_of(key: NotificationKey) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        pending_notifications.c.ticket_id == key.ticket_id,
        pending_notifications.c.user_id == key.user_id,
        pending_notifications.c.type == key.type.value,
    )


def _mute_of(ticket_id: uuid.UUID, user_id: uuid.UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return notification_mutes.c.ticket_id == ticket_id, notification_mutes.c.user_id == user_id
