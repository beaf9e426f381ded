"""Queries of lists and of the search. Whatever is asked, a page costs so many rows and no more.

A list by one column is a range of an index. Another filter, or words, are looked for:

Common words are found soonest by reading tickets in the order that is asked for, rare ones by the
index of words; which is which, a short look tells:

1. Read the next tickets in order. That they fill the page, or are all there are (most people's own),
   ends it.
2. If the index of words has few tickets for one of them, those are the answer.
3. Otherwise read on in order, longer, and then leave it at what was found: the page is short, and
   its cursor is where the reading ended.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.pagination import Position
from doorward_kit.word_index import begins_with, has_words
from doorward_tickets.tables import ticket_search_terms, tickets
from doorward_tickets.tickets.list_query import Listing, Shape
from doorward_tickets.tickets.repository import ROWS, SELECT_ROWS, TicketRow, list_tickets, select_shown

SHORT_LOOK: Final = 2_000
LONG_LOOK: Final = 8_000
FEW: Final = 6_000
"""Tickets: with so many of a million, a long look finds a page of those that are more."""


class Found(NamedTuple):
    """Tickets in order, and where the reading was broken off before the end, if it was."""

    tickets: list[TicketRow]
    stopped_at: Position | None


def find_tickets(connection: sa.Connection, listing: Listing, position: Position | None, count: int) -> Found:
    """Read up to `count` tickets behind a position; fewer are all there are, or come with `stopped_at`."""
    if listing.is_range:
        return Found(list_tickets(connection, listing, position, count), None)
    return search_tickets(connection, listing, position, count)


def search_tickets(
    connection: sa.Connection, listing: Listing, position: Position | None, count: int
) -> Found:
    """Do so for tickets that are in no index one behind the other."""
    short = _look(connection, listing, position, SHORT_LOOK, count)
    if len(short.tickets) == count or short.stopped_at is None:
        return Found(short.tickets, None)
    word = _rare_word(connection, listing.words)
    if word is not None:
        return Found(_indexed(connection, listing, word, position, count), None)
    long = _look(connection, listing, short.stopped_at, LONG_LOOK, count - len(short.tickets))
    found = short.tickets + long.tickets
    return Found(found, None if len(found) == count else long.stopped_at)


def _look(
    connection: sa.Connection, listing: Listing, position: Position | None, length: int, count: int
) -> Found:
    """Go through the next entries of the index that has the order, so many."""
    shape = listing.shape(position)
    statement = shape.ordered(SELECT_ROWS.where(*_wanted(listing, shape)))
    end = _end(connection, listing, position, length)
    if end is not None:
        statement = statement.where(listing.up_to(end))
    found = connection.execute(statement.limit(count), listing.values(position))
    return Found(ROWS.read(found), end)


def _end(
    connection: sa.Connection, listing: Listing, position: Position | None, length: int
) -> Position | None:
    """Return where the next so many entries end, None if there are no more than these."""
    entries = listing.shape(position).next_entries().limit(2).offset(length - 1)
    last_two = connection.execute(entries, listing.values(position)).all()
    return listing.position(last_two[0]) if len(last_two) > 1 else None


def _rare_word(connection: sa.Connection, words: Sequence[str]) -> str | None:
    """Return the word that the fewest tickets have, if these are few."""
    if not words:
        return None
    counts = [
        sa.select(sa.func.count()).select_from(_entries(word).limit(FEW + 1).subquery()).scalar_subquery()
        for word in words
    ]
    count, word = min(zip(connection.execute(sa.select(*counts)).one(), words, strict=True))
    return word if count <= FEW else None


def _indexed(
    connection: sa.Connection, listing: Listing, word: str, position: Position | None, count: int
) -> list[TicketRow]:
    """Read all tickets with a word, and put those that have the others in order."""
    entries = _entries(word).distinct().subquery("entries")
    source = entries.join(tickets, tickets.c.id == entries.c.ticket_id)
    shape = listing.shape(position)
    statement = shape.sorted(select_shown(source).where(*_wanted(listing, shape)))
    for dialect in ("mysql", "mariadb"):
        # From the entries to the tickets, whatever the optimizer thinks of all tickets in order.
        statement = statement.prefix_with("STRAIGHT_JOIN", dialect=dialect)
    # Column by column: whoever sorts thousands would first write each of them as JSON.
    found = connection.execute(statement.limit(count), listing.values(position))
    return [TicketRow._make(row) for row in found]


def _wanted(listing: Listing, shape: Shape) -> list[sa.ColumnElement[bool]]:
    return [*shape.conditions, *([has_words(tickets.c.search_text, listing.words)] if listing.words else [])]


def _entries(word: str) -> "sa.Select[bytes]":
    return sa.select(ticket_search_terms.c.ticket_id).where(begins_with(ticket_search_terms.c.word, word))
