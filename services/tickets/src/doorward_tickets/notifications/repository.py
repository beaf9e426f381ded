"""Queries on notices and notification_mutes."""

import uuid
from typing import Final, NamedTuple

import orjson
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert
from doorward_mail.outbox import Mail, enqueue
from doorward_tickets.notifications.notification_types import NotificationType
from doorward_tickets.tables import (
    notification_mutes,
    outbox,
    pending_notifications,
    replies,
    tickets,
    user_snapshots,
)
from doorward_tickets.user_snapshots.repository import find_locale

_ANSWERS_LOOKED_AT: Final = 100


class Notice(NamedTuple):
    """About which ticket, to whom, what kind of mail."""

    ticket_id: uuid.UUID
    user_id: uuid.UUID
    type: NotificationType


class ScheduledNotice(NamedTuple):
    """The newest mail of a notice, and the last reply that earlier ones told of."""

    mail_id: uuid.UUID
    after_reply_number: int


class TicketNews(NamedTuple):
    """What a mail about a ticket is written from."""

    subject: str
    status: str
    author_id: uuid.UUID
    assignee_id: uuid.UUID | None
    assignee_name: str | None


class ReplyNews(NamedTuple):
    """How many replies of others there are, and who wrote the last one."""

    replies: int
    author_name: str | None


def schedule(connection: sa.Connection, notice: Notice, *, after_reply_number: int, seconds: int) -> bool:
    """Put a mail into the outbox, `seconds` after the one before it; tell whether one was put there.

    None where one waits for its time: it is written when it is sent, and tells of this too. To be
    called under the ticket's lock. The row is locked against the worker that writes the mail, and
    the time read only then: a mail whose time has come may be written already.
    """
    row = connection.execute(
        sa.select(
            pending_notifications.c.mail_id,
            pending_notifications.c.after_reply_number,
            pending_notifications.c.due_at,
        )
        .where(*_row_of(notice))
        .with_for_update()
    ).one_or_none()
    wait = 0
    if row is not None:
        # Dead letters too: they have told nothing, and this one tells it for them.
        now, is_unsent = connection.execute(
            sa.select(utc_now(), sa.exists().where(outbox.c.id == row.mail_id))
        ).one()
        if row.due_at > now:
            return False
        wait = max(0, seconds - int((now - row.due_at).total_seconds()))
        after_reply_number = row.after_reply_number if is_unsent else after_reply_number
    parameters = {"ticket_id": notice.ticket_id.hex, "user_id": notice.user_id.hex}
    locale = find_locale(connection, notice.user_id)
    mail = Mail(notice.type.value, None, locale, parameters, wait=wait)
    fresh = {"mail_id": mail.id, "after_reply_number": after_reply_number, "due_at": utc_now(wait)}
    # Before the mail: it must not be due while the row says that it is not.
    upsert(
        connection,
        pending_notifications,
        {**notice._asdict(), "type": notice.type.value, **fresh},
        changed=tuple(fresh),
    )
    enqueue(connection, outbox, mail)
    return True


def lock_notice(connection: sa.Connection, notice: Notice) -> ScheduledNotice | None:
    """Read a notice, and keep changes of its ticket from judging whether it was written."""
    found = (
        sa.select(pending_notifications.c.mail_id, pending_notifications.c.after_reply_number)
        .where(*_row_of(notice))
        .with_for_update()
    )
    row = connection.execute(found).one_or_none()
    return None if row is None else ScheduledNotice(*row)


def is_superseded(connection: sa.Connection, mail_id: uuid.UUID) -> bool:
    """Tell whether a newer mail tells what this one would, and let none do so until the commit."""
    mail = connection.execute(
        sa.select(outbox.c.template, outbox.c.parameters).where(outbox.c.id == mail_id)
    ).one()
    given = orjson.loads(mail.parameters)
    newest = (
        sa.select(pending_notifications.c.mail_id)
        .where(
            pending_notifications.c.ticket_id == uuid.UUID(hex=given["ticket_id"]),
            pending_notifications.c.user_id == uuid.UUID(hex=given["user_id"]),
            pending_notifications.c.type == mail.template,
        )
        .with_for_update()
    )
    # None: it was swept when its mail, which was not this one, had been sent for long.
    return connection.execute(newest).scalar_one_or_none() != mail_id


def find_ticket_news(connection: sa.Connection, ticket_id: uuid.UUID) -> TicketNews | None:
    """Read what a mail says of a ticket."""
    columns = (
        tickets.c.subject,
        tickets.c.status,
        tickets.c.author_id,
        tickets.c.assignee_id,
        user_snapshots.c.name,
    )
    found = sa.select(*columns).select_from(
        tickets.outerjoin(user_snapshots, user_snapshots.c.id == tickets.c.assignee_id)
    )
    row = connection.execute(found.where(tickets.c.id == ticket_id)).one_or_none()
    return None if row is None else TicketNews(*row)


def count_replies(connection: sa.Connection, notice: Notice, after_reply_number: int) -> ReplyNews:
    """Count the replies behind number `after_reply_number` that somebody else wrote."""
    others = (
        replies.c.ticket_id == notice.ticket_id,
        replies.c.number > after_reply_number,
        replies.c.author_id != notice.user_id,
    )
    count = connection.execute(sa.select(sa.func.count()).select_from(replies).where(*others)).scalar_one()
    name = sa.select(user_snapshots.c.name).select_from(
        replies.join(user_snapshots, user_snapshots.c.id == replies.c.author_id)
    )
    last = name.where(*others).order_by(replies.c.number.desc()).limit(1)
    return ReplyNews(count, connection.execute(last).scalar_one_or_none())


def latest_responder(
    connection: sa.Connection, ticket_id: uuid.UUID, author_id: uuid.UUID, reply_count: int
) -> uuid.UUID | None:
    """Return who but the author has written in a thread last, of its end and of those who are not deleted."""
    writers = replies.outerjoin(user_snapshots, user_snapshots.c.id == replies.c.author_id)
    found = (
        sa.select(replies.c.author_id)
        .select_from(writers)
        .where(
            replies.c.ticket_id == ticket_id,
            replies.c.number > reply_count - _ANSWERS_LOOKED_AT,
            replies.c.author_id != author_id,
            user_snapshots.c.deleted_at.is_(None),
        )
    )
    return connection.execute(found.order_by(replies.c.number.desc()).limit(1)).scalar_one_or_none()


def is_muted(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Tell whether somebody wants no mail about a ticket."""
    found = sa.select(notification_mutes.c.user_id).where(
        notification_mutes.c.ticket_id == ticket_id, notification_mutes.c.user_id == user_id
    )
    return connection.execute(found).scalar_one_or_none() is not None


def mute(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Let somebody have no mail about a ticket."""
    values = {"ticket_id": ticket_id, "user_id": user_id}
    upsert(connection, notification_mutes, values, changed=("user_id",))


def unmute(connection: sa.Connection, ticket_id: uuid.UUID, user_id: uuid.UUID) -> None:
    """Undo it."""
    connection.execute(
        notification_mutes.delete().where(
            notification_mutes.c.ticket_id == ticket_id, notification_mutes.c.user_id == user_id
        )
    )


def sweep(connection: sa.Connection, *, seconds: int, count: int) -> int:
    """Delete up to `count` notices whose mail was due so many seconds ago; return how many.

    Not those whose mail still waits, for a mail server that is away or as a dead letter for an
    administrator: it would be taken for an old one.
    """
    key = pending_notifications.c.ticket_id, pending_notifications.c.user_id, pending_notifications.c.type
    old = pending_notifications.c.due_at < utc_now(-seconds)
    waits = sa.exists().where(outbox.c.id == pending_notifications.c.mail_id)
    found = [tuple(row) for row in connection.execute(sa.select(*key).where(old, ~waits).limit(count))]
    if found:
        # Unless there is a new mail meanwhile.
        connection.execute(pending_notifications.delete().where(sa.tuple_(*key).in_(found), old))
    return len(found)


def _row_of(notice: Notice) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        pending_notifications.c.ticket_id == notice.ticket_id,
        pending_notifications.c.user_id == notice.user_id,
        pending_notifications.c.type == notice.type.value,
    )
