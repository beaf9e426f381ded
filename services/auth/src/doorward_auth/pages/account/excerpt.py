"""A part of a list, so that a page stays light however long the list is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LENGTH: Final = 10
"""Items of each of the two lists on the page, so that it weighs less than 30 KB with its stylesheet."""


@dataclass(frozen=True, slots=True)
class Excerpt(Generic[T]):
    """Consecutive items of a list. `next` is the cursor of those that follow, None at the end."""

    items: Sequence[T]
    next: str | None
    is_first: bool

    @classmethod
    def of(cls, items: Sequence[T], after: str | None, cursor_of: Callable[[T], str]) -> Self:
        """Return the items after the one of a cursor; the first ones for an item that has gone since."""
        cursors = [cursor_of(item) for item in items]
        start = cursors.index(after) + 1 if after is not None and after in cursors else 0
        end = start + LENGTH
        return cls(items[start:end], cursors[end - 1] if end < len(items) else None, is_first=start == 0)

    def map(self, show: Callable[[T], R]) -> "Excerpt[R]":
        """Return it with what a template shows of each item."""
        return Excerpt([show(item) for item in self.items], self.next, self.is_first)
