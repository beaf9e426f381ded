"""Lists of the directory; searches read a limited number of rows a page (see bounded_search).

Statements are built once for a shape, because building them takes longer than most of them run.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from doorward_identity.directory_index import TermSource
from doorward_identity.tables import user_search_terms, users
from doorward_kit.bounded_search import SearchResult, search
from doorward_kit.pagination import Position
from doorward_kit.word_index import begins_with_parameter, prefix_values
from doorward_users.directory.list_query import DirectoryQuery, ListShape, SearchedPart
from doorward_users.directory.repository import JSON_ROWS, SELECT_JSON_ROWS, SELECT_ROWS, UserRow

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_DIALECTS: Final = ("mysql", "mariadb")


class PartShape(NamedTuple):
    """A part of a search without its values; `number` is its place, and names its parameters."""

    number: int
    has_address: bool
    words: int
    is_one_word: bool
    """Whether the address and the only word are the same text."""

    @property
    def terms(self) -> Sequence[tuple[TermSource, str]]:
        """The source and the parameter of the address, then those of each word."""
        address = [(TermSource.EMAIL, f"address_{self.number}")] if self.has_address else []
        return [*address, *((TermSource.NAME, f"word_{self.number}_{word}") for word in range(self.words))]


class _Candidates(NamedTuple):
    """The users among whom all users of a part are: how many, and the terms that find them."""

    shape: PartShape
    size: int
    terms: tuple[tuple[TermSource, str], ...]


def list_users(
    connection: sa.Connection, query: DirectoryQuery, position: Position | None, count: int
) -> SearchResult[UserRow]:
    """Read up to `count` users after a position; with fewer and no `stopped_at`, the list has ended."""
    if query.parts is None:
        values = {**query.values(position), "count": count}
        return SearchResult(JSON_ROWS.read(connection.execute(_list(query.shape(position)), values)), None)
    if not query.parts or not all(part.address or part.words for part in query.parts):
        return SearchResult([], None)
    searched = _SearchedUsers(connection, query, query.parts)
    return search(searched, position, count, expects_rare_words=True)


class _SearchedUsers:
    """The users of one search."""

    def __init__(
        self, connection: sa.Connection, query: DirectoryQuery, parts: Sequence[SearchedPart]
    ) -> None:
        self._connection = connection
        self._query = query
        self._parts = tuple(_shape_of(number, part) for number, part in enumerate(parts))
        self._terms: dict[str, str] = {}
        for shape, part in zip(self._parts, parts, strict=True):
            texts = [*([part.address] if part.address else []), *part.words]
            for (_, name), text in zip(shape.terms, texts, strict=True):
                self._terms.update(prefix_values(name, text))

    def scan(self, position: Position | None, size: int, count: int) -> SearchResult[UserRow]:
        """Check the next `size` entries of the index that has the order."""
        shape, end = self._query.shape(position), self._scan_end(position, size)
        statement = _scan(shape, self._parts, has_end=end is not None)
        values = {**self._query.values(position, end), **self._terms, "count": count}
        return SearchResult(JSON_ROWS.read(self._connection.execute(statement, values)), end)

    def find_by_rare_word(
        self, position: Position | None, limit: int, count: int
    ) -> Sequence[UserRow] | None:
        """Read all users of the rarest part of the search, filter them by the other parts, and sort them."""
        rarest = min((self._candidates(shape, limit) for shape in self._parts), key=lambda one: one.size)
        if rarest.size > limit:
            return None
        others = tuple(shape for shape in self._parts if shape is not rarest.shape or shape.words > 1)
        statement = _find(self._query.shape(position), rarest.terms, others)
        values = {**self._query.values(position), **self._terms, "count": count}
        # Not as JSON: the server would write each of thousands of rows as JSON before it sorts them.
        return [UserRow._make(row) for row in self._connection.execute(statement, values)]

    def _candidates(self, shape: PartShape, limit: int) -> _Candidates:
        """Count the users of a part's address and of each of its words, up to a limit."""
        values = {**self._terms, "limit": limit + 1}
        counted = self._connection.execute(_count(shape), values).one()
        sized = list(zip(counted, shape.terms, strict=True))
        addresses = sized[: int(shape.has_address)]
        rarest_word = sorted(sized[len(addresses) :], key=lambda one: one[0])[:1]
        chosen = [*addresses, *rarest_word]
        return _Candidates(shape, sum(size for size, _ in chosen), tuple(term for _, term in chosen))

    def _scan_end(self, position: Position | None, size: int) -> Position | None:
        """Return the position of entry number `size`, None if no entry follows it."""
        values = {**self._query.values(position), "skipped": size - 1}
        last_two = self._connection.execute(_entries(self._query.shape(position)), values).all()
        return self._query.position_of(*last_two[0]) if len(last_two) > 1 else None


def _shape_of(number: int, part: SearchedPart) -> PartShape:
    is_one_word = list(part.words) == [part.address]
    return PartShape(number, bool(part.address), len(part.words), is_one_word)


@lru_cache(maxsize=64)
def _list(shape: ListShape) -> "sa.Select[Any]":
    return shape.sorted(SELECT_JSON_ROWS.where(*shape.conditions)).limit(sa.bindparam("count"))


@lru_cache(maxsize=64)
def _entries(shape: ListShape) -> "sa.Select[Any]":
    """Return the query for the positions after `skipped` entries: two at most."""
    entries = _ordered(sa.select(shape.order.column, users.c.id), shape)
    return entries.limit(2).offset(sa.bindparam("skipped"))


@lru_cache(maxsize=256)
def _scan(shape: ListShape, parts: tuple[PartShape, ...], *, has_end: bool) -> "sa.Select[Any]":
    conditions = [*shape.conditions, *map(_matches, parts), *([shape.up_to_end] if has_end else [])]
    ids = _ordered(sa.select(users.c.id).where(*conditions), shape).limit(sa.bindparam("count"))
    # The index has the ids. Rows are read of users who match: that halves the time of a scan.
    found = ids.subquery("found")
    source = found.join(users, users.c.id == found.c.id)
    return _in_join_order(replace(shape, has_position=False).sorted(SELECT_JSON_ROWS.select_from(source)))


@lru_cache(maxsize=256)
def _find(
    shape: ListShape, terms: tuple[tuple[TermSource, str], ...], others: tuple[PartShape, ...]
) -> "sa.Select[Any]":
    # Distinct, too: two words of one user may begin alike.
    entries = sa.union(*(_users_of(*term).distinct() for term in terms)).subquery("entries")
    source = entries.join(users, users.c.id == entries.c.user_id)
    statement = SELECT_ROWS.select_from(source).where(*shape.conditions, *map(_matches, others))
    return _in_join_order(shape.sorted(statement).limit(sa.bindparam("count")))


@lru_cache(maxsize=64)
def _count(shape: PartShape) -> "sa.Select[Any]":
    """Return the query for the number of users of each term, up to a limit."""
    ranges = [_users_of(*term).limit(sa.bindparam("limit")).subquery() for term in shape.terms]
    return sa.select(*(sa.select(sa.func.count()).select_from(part).scalar_subquery() for part in ranges))


def _ordered(statement: S, shape: ListShape) -> S:
    """Order a query, reading the index that has this order."""
    for dialect in _DIALECTS:
        statement = statement.with_hint(users, f"FORCE INDEX ({shape.order.index_name})", dialect)
    return shape.sorted(statement)


def _in_join_order(statement: S) -> S:
    """Keep the order of a join: the optimizer may prefer to read all users in the order of the list."""
    for dialect in _DIALECTS:
        statement = statement.prefix_with("STRAIGHT_JOIN", dialect=dialect)
    return statement


def _users_of(source: TermSource, parameter: str) -> "sa.Select[Any]":
    return sa.select(user_search_terms.c.user_id).where(_has_term_prefix(source, parameter))


def _matches(part: PartShape) -> sa.ColumnElement[bool]:
    """Return the predicate of users who have a part of the search in their address or name."""
    if part.is_one_word:  # in either: one look-up for both
        return _has_term(begins_with_parameter(user_search_terms.c.term, part.terms[0][1]))
    terms = [_has_term(_has_term_prefix(*term)) for term in part.terms]
    if not part.has_address:
        return sa.and_(*terms)
    return sa.or_(terms[0], sa.and_(*terms[1:])) if part.words else terms[0]


def _has_term(is_term: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # With a limit, so that no optimizer makes it a join that begins with all users of a common word.
    is_of_user = user_search_terms.c.user_id == users.c.id
    found = sa.select(user_search_terms.c.user_id).where(is_of_user, is_term)
    return found.limit(1).scalar_subquery().is_not(None)


def _has_term_prefix(source: TermSource, parameter: str) -> sa.ColumnElement[bool]:
    is_term = begins_with_parameter(user_search_terms.c.term, parameter)
    return sa.and_(user_search_terms.c.source == source.value, is_term)
