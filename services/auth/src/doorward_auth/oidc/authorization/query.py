"""The parameters of an authorization request, as a query or as a form."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus

MAX_URL_LENGTH: Final = 8_000
"""The length that every server should accept (RFC 9110 section 4.1), as our HAProxy and NGINX do."""

MAX_LENGTH: Final = 7_700
"""Length of a query in a page's URL, encoded once more. The rest is for the page's path and parameters."""

INTERACTION: Final = "interaction"
"""The parameter of interaction.py. A page carries it, too: MAX_LENGTH leaves room for it."""

MAX_STATE_LENGTH: Final = 2_048
MAX_PARAMETERS: Final = 50
"""Without INTERACTION, which the pages add."""


@dataclass(frozen=True, slots=True)
class Query:
    """Names and values, in their order. A parameter without a value is omitted (RFC 6749 section 3.1)."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the value of a parameter, the first if it comes twice."""
        return next((value for key, value in self.pairs if key == name), None)

    def count(self, name: str) -> int:
        """Return how often a parameter comes."""
        return sum(key == name for key, _ in self.pairs)

    def repeated(self) -> str | None:
        """Return the name of a parameter that comes twice."""
        names = [name for name, _ in self.pairs]
        return next((name for name in names if names.count(name) > 1), None)

    def without(self, *names: str) -> "Query":
        """Return the query without some parameters."""
        return Query(tuple((name, value) for name, value in self.pairs if name not in names))

    def with_value(self, name: str, value: str) -> "Query":
        """Return the query with one value of a parameter, at its end."""
        return Query((*self.without(name).pairs, (name, value)))

    def __str__(self) -> str:
        """Return what `read_query` reads."""
        return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.pairs)


def read_query(text: str) -> Query | None:
    """Read a query or a form; None if a page's URL would be too long with it, or with too many parameters.

    Bytes that are not UTF-8 become surrogates, so that `state` returns as it came.
    """
    if len(text) > MAX_URL_LENGTH:
        return None
    try:
        pairs = parse_qsl(text, errors="surrogateescape", max_num_fields=MAX_PARAMETERS + 1)
    except ValueError:
        return None
    query = Query(tuple(pairs))
    own = query.without(INTERACTION)
    if len(own.pairs) > MAX_PARAMETERS or len(quote(str(own))) > MAX_LENGTH:
        return None
    state = (query.get("state") or "").encode("utf-8", "surrogateescape")
    return None if len(state) > MAX_STATE_LENGTH else query


def is_text(value: str) -> bool:
    """Tell whether a value came as UTF-8 and can be stored."""
    return all(not "\ud800" <= character <= "\udfff" for character in value)


def _quoted(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")
