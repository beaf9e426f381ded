"""The index of the directory: the words of names, and the beginnings of addresses, in `user_search_terms`.

Code that stores a name or an address updates the index in the same transaction.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final

import sqlalchemy as sa

from doorward_identity.emails import reserves_address
from doorward_identity.tables import user_search_terms, users
from doorward_kit.bulk_insert import insert_rows
from doorward_kit.text_folding import fold
from doorward_kit.word_index import MAX_WORD_LENGTH, all_words_of, indexed_words

MAX_EMAIL_TERMS: Final = 24

_INDEXED: Final = sa.select(users.c.id, users.c.name, users.c.email, users.c.email_key)
_START_OF_WORD: Final = re.compile(r"(?<![^\W_])[^\W_]")

Term = tuple[uuid.UUID, str, str]
"""A row of the index: the user's id, the source, the term."""

IndexedUser = tuple[uuid.UUID, str, str, str]
"""The indexed columns: the user's id, the name, the address and its key."""


class TermSource(StrEnum):
    """The source of a term. Some callers search names only."""

    NAME = "name"
    EMAIL = "email"


# Read once: an enum computes its value each time.
_EMAIL, _NAME = TermSource.EMAIL.value, TermSource.NAME.value


def parts_of(text: str) -> list[str]:
    """Return what stands between the spaces of a folded text, each part cut to the length of a term."""
    return [part[:MAX_WORD_LENGTH] for part in fold(text).split()]


def name_terms(name: str) -> set[str]:
    """Return the words of a name. A part without a letter or digit is a word as it is."""
    signs = [part for part in parts_of(name) if not all_words_of(part)]
    return {*indexed_words([name]), *signs}


def email_terms(email: str, email_key: str) -> set[str]:
    """Return an address from the start of each of its words, and its domain with `@` and without.

    Empty for an unverified address, because another user may have it.
    """
    if not reserves_address(email_key):
        return set()
    spellings = dict.fromkeys((fold(email), fold(email_key)))  # the key's domain is ASCII (IDNA)
    found = dict.fromkeys(term for spelling in spellings for term in _starts(spelling))
    return set(islice(found, MAX_EMAIL_TERMS))


def _starts(address: str) -> Iterator[str]:
    local, _, domain = address.rpartition("@")
    top_level = domain.rfind(".")
    starts = [
        0,
        len(local),
        len(local) + 1,
        *(found.start() for found in _START_OF_WORD.finditer(local)),
        *(
            len(local) + 1 + found.start()
            for found in _START_OF_WORD.finditer(domain)
            if found.start() < top_level
        ),
    ]
    return (address[start : start + MAX_WORD_LENGTH] for start in starts)


def insert_terms(
    connection: sa.Connection, user_id: uuid.UUID, name: str, email: str, email_key: str
) -> None:
    """Store the terms of a user who has none."""
    _insert(connection, _terms(user_id, name, email, email_key))


def insert_terms_of_many(connection: sa.Connection, indexed: Iterable[IndexedUser]) -> None:
    """Store the terms of many users who have none."""
    # In the order of the primary key among the terms of a user: ids of new users ascend by themselves.
    rows = [
        (user_id, source, term)
        for user_id, name, email, email_key in indexed
        for source, terms in ((_EMAIL, email_terms(email, email_key)), (_NAME, name_terms(name)))
        for term in sorted(terms)
    ]
    insert_rows(connection, user_search_terms, ("user_id", "source", "term"), rows)


def update_terms(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> int:
    """Bring the terms of users up to date with their rows; return how many rows of the index have changed.

    The transaction has locked or changed the rows of the users, so no other one changes their terms.
    """
    rows = connection.execute(_INDEXED.where(users.c.id.in_(user_ids)))
    current = {term for row in rows for term in _terms(*row)}
    stored = find_terms(connection, user_ids)
    if removed := sorted(stored - current):
        terms = user_search_terms.c
        is_removed = sa.and_(
            terms.user_id == sa.bindparam("gone_user"),
            terms.source == sa.bindparam("gone_source"),
            terms.term == sa.bindparam("gone_term"),
        )
        names = "gone_user", "gone_source", "gone_term"
        # By primary key: a range would also lock the places of new users.
        connection.execute(
            user_search_terms.delete().where(is_removed),
            [dict(zip(names, row, strict=True)) for row in removed],
        )
    _insert(connection, current - stored)
    return len(current ^ stored)


def find_terms(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> set[Term]:
    """Read the terms of users."""
    terms = user_search_terms.c
    found = sa.select(terms.user_id, terms.source, terms.term).where(terms.user_id.in_(user_ids))
    return {(row[0], row[1], row[2]) for row in connection.execute(found)}


def find_outdated(
    connection: sa.Connection, after: uuid.UUID, count: int
) -> tuple[Sequence[uuid.UUID], uuid.UUID | None]:
    """Check the terms of the next `count` users by id.

    Return the ids of those whose terms are not those of their row, and the last id, None at the end.
    """
    rows = connection.execute(_INDEXED.where(users.c.id > after).order_by(users.c.id).limit(count)).all()
    if not rows:
        return [], None
    stored = find_terms(connection, [row.id for row in rows])
    current = {term for row in rows for term in _terms(*row)}
    return sorted({term[0] for term in stored ^ current}), rows[-1].id


def _terms(user_id: uuid.UUID, name: str, email: str, email_key: str) -> set[Term]:
    return {
        *((user_id, _NAME, term) for term in name_terms(name)),
        *((user_id, _EMAIL, term) for term in email_terms(email, email_key)),
    }


def _insert(connection: sa.Connection, terms: set[Term]) -> None:
    if terms:
        names = "user_id", "source", "term"
        connection.execute(
            user_search_terms.insert(), [dict(zip(names, row, strict=True)) for row in sorted(terms)]
        )
