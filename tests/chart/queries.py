"""Parses the subset of PromQL that the alerts and the dashboard use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UNREAD: Final = re.compile(r'"[^"]*"|\[[^\]]*\]')
"""Label values and ranges."""

_TOKEN: Final = re.compile(r"\d[\w.]*|[a-zA-Z_:][\w:]*|\S")
_NAME: Final = re.compile(r"[a-zA-Z_:][\w:]*")
_OPERATORS: Final = frozenset({"and", "or", "unless", "bool", "offset"})
_UNKNOWN: Final = frozenset({"without", "on", "ignoring", "group_left", "group_right"})


class UnreadableQueryError(ValueError):
    """The query uses an unsupported part of PromQL."""


@dataclass(frozen=True)
class Read:
    """A metric in a query, with its label matchers and grouping labels."""

    metric: str
    matched: frozenset[str]
    grouped: frozenset[str]


def reads(query: str) -> list[Read]:
    """Return the metrics of a query, in order; raises UnreadableQueryError."""
    return list(_walk(_TOKEN.findall(_UNREAD.sub("", query))))


def _walk(tokens: list[str]) -> Iterator[Read]:
    """Walk through the tokens, with the enclosing groupings on a stack."""
    around, next_group = [frozenset[str]()], frozenset[str]()
    at = 0
    while at < len(tokens):
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < len(tokens) else ""
        if token in _UNKNOWN:
            raise UnreadableQueryError(f"`{token}` is not supported")
        if token == "by":
            end = tokens.index(")", at)
            if tokens[end + 1 : end + 2] != ["("]:
                raise UnreadableQueryError("`by` must precede the grouped expression")
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
