"""Search with a bounded cost: each page reads a limited number of rows, whatever the query.

Common words are found fastest by scanning rows in the requested order, rare words by the index of words. A
short scan tells which:

1. Scan the next rows in order. Stop if the page is full, or if there are no more.
2. If few rows contain one of the words, return those that match.
3. Otherwise continue the scan up to a higher limit. The page may be short; its cursor is the end of the scan.

Where nearly every search is for rare words, as for names, the second step comes first.
"""

from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from doorward_kit.pagination import Position

R_co = TypeVar("R_co", covariant=True)

SHORT_SCAN_SIZE: Final = 2_000
LONG_SCAN_SIZE: Final = 8_000
RARE_WORD_LIMIT: Final = 6_000
"""Rows with a rare word. Of a million rows, a long scan fills a page for any word with more."""


class SearchResult(NamedTuple, Generic[R_co]):
    """Rows in order, and the position where the scan stopped before the list's end."""

    rows: Sequence[R_co]
    stopped_at: Position | None


class SearchedList(Protocol[R_co]):
    """A list of one query, in order."""

    def scan(self, position: Position | None, size: int, count: int) -> SearchResult[R_co]:
        """Check the next `size` rows after a position; return up to `count` that match."""
        ...

    def find_by_rare_word(self, position: Position | None, limit: int, count: int) -> Sequence[R_co] | None:
        """Return up to `count` matches after a position; None if each word is in more than `limit` rows."""
        ...


def search(
    searched: SearchedList[R_co], position: Position | None, count: int, *, expects_rare_words: bool = False
) -> SearchResult[R_co]:
    """Read up to `count` matches after a position; with fewer and no `stopped_at`, the list has ended."""
    if expects_rare_words:
        found = searched.find_by_rare_word(position, RARE_WORD_LIMIT, count)
        if found is not None:
            return SearchResult(found, None)
    short = searched.scan(position, SHORT_SCAN_SIZE, count)
    if len(short.rows) == count or short.stopped_at is None:
        return SearchResult(short.rows, None)
    if not expects_rare_words:
        found = searched.find_by_rare_word(position, RARE_WORD_LIMIT, count)
        if found is not None:
            return SearchResult(found, None)
    long = searched.scan(short.stopped_at, LONG_SCAN_SIZE, count - len(short.rows))
    rows = [*short.rows, *long.rows]
    return SearchResult(rows, None if len(rows) == count else long.stopped_at)
