"""Reading PromQL, as far as the chart's alerts and its dashboard are written in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UNREAD: Final = re.compile(r'"[^"]*"|\[[^\]]*\]')
"""Values of labels, and ranges."""

_TOKEN: Final = re.compile(r"\d[\w.]*|[a-zA-Z_:][\w:]*|\S")
_NAME: Final = re.compile(r"[a-zA-Z_:][\w:]*")
_OPERATORS: Final = frozenset({"and", "or", "unless", "bool", "offset"})
_UNKNOWN: Final = frozenset({"without", "on", "ignoring", "group_left", "group_right"})


class UnreadableQueryError(ValueError):
    """The query is written in a way that is not read here."""


@dataclass(frozen=True)
class Read:
    """A metric that a query reads, the labels that it is chosen by, and those that it is grouped by."""

    metric: str
    matched: frozenset[str]
    grouped: frozenset[str]


def reads(query: str) -> list[Read]:
    """Return what a query reads, in order; raises UnreadableQueryError."""
    return list(_walk(_TOKEN.findall(_UNREAD.sub("", query))))


def _walk(tokens: list[str]) -> Iterator[Read]:
    """Go through a query with the groupings around each place on a stack."""
    around, next_group = [frozenset[str]()], frozenset[str]()
    at = 0
    while at < len(tokens):
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in _UNKNOWN:
            raise UnreadableQueryError(f"`{token}` is not read here")
        if token == "by":
            end = tokens.index(")", at)
            if tokens[end + 1 : end + 2] != ["("]:
                raise UnreadableQueryError("`by` belongs before what is grouped")
            next_group, at = _names(tokens[at + 1 : end]), end
        elif token == "(":
            around.append(around[-1] | next_group)
            next_group = frozenset()
        elif token == ")":
            around.pop()
        elif _NAME.fullmatch(token) and token not in _OPERATORS and following not in {"(", "by"}:
            end = tokens.index("}", at) if following == "{" else at
            yield Read(token, _names(tokens[at + 1 : end]), around[-1])
            at = end
        at += 1


def _names(tokens: list[str]) -> frozenset[str]:
    return frozenset(token for token in tokens if _NAME.fullmatch(token))
