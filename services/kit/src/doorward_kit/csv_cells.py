"""Cells of CSV files (RFC 4180) that spreadsheets open.

A spreadsheet runs a cell that begins like a formula (CSV injection, OWASP). An apostrophe before it makes it
a text. `escape` and `unescape` are inverse, so what one writes the other reads.
"""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n]")
_ESCAPED: Final = re.compile(r"'+[=+\-@\t\r\n]")


def escape(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run, or whose apostrophe `unescape` drops."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape(cell: str) -> str:
    """Return the text of a cell that `escape` wrote."""
    return cell[1:] if _ESCAPED.match(cell) else cell
