r"""Text that users wrote, in mails: it is shown as theirs, and no mail program makes a link of it.

Mail programs link whatever looks like an address, in HTML, in plain text and in subjects, each by rules of
its own. So the signs that such rules look for are put in brackets, as analysts write hostile addresses:
`https[:]//evil[.]example`, `ada[@]example[.]com`, `[\\]server`. docs/adr/0030-user-text-in-mail.md compares
the alternatives.
"""

import re
import textwrap
import unicodedata
from typing import Final

# Marks that change the direction of the text after them: a name with one rewrites the sentence around it.
_BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# The other invisible characters go, except the joiners: some scripts and emoji need them.
_JOINERS: Final = frozenset("\u200c\u200d")

# With those that IDNA or NFKC read as a dot or an at sign. The ideographic full stop ends sentences, too, so
# it is put in brackets between ASCII characters only.
_SIGNS: Final = r".:@\u2024\ufe52\uff0e\uff61\ufe6b\uff20"
_LINKING: Final = re.compile(
    rf"""
    (?P<kept>  \[ (?: [{_SIGNS}]+ | \\+ | \u3002 ) \] )         # in brackets already
  | (?P<ip>    [0-9]+ (?: \. [0-9]+ ){{3,}} )                    # 10.0.0.1
  | (?P<signs> (?<= [^\s{_SIGNS}] ) [{_SIGNS}]+ (?= [^\s{_SIGNS}] )   # evil.example, https:, ada@evil
             | \\{{2,}} (?= \S )                                # \\server\share
             | (?<= [A-Za-z0-9] ) \u3002 (?= [A-Za-z0-9] ) )     # evil。example
    """,
    re.VERBOSE,
)

TEXT_LENGTH: Final = 500
SUBJECT_LENGTH: Final = 60
_LINE_COLUMNS: Final = 70
_QUOTATION_MARKS: Final = str.maketrans(dict.fromkeys('"“”„‟«»〝〞\uff02', "'"))


class TrustedText(str):
    """Text of the service's own, such as a code or a link, which a template shows as it is.

    Only a `prepare` hook can make it: what comes from a row of the outbox is text of users.
    """

    __slots__ = ()


def one_line(text: str) -> str:
    """Return text without line breaks, control characters, direction marks and invisible characters."""
    return " ".join("".join(_plain(character) for character in text).split())


def user_text(text: str) -> str:
    """Return a user's text as templates get it: one line, shortened, defused."""
    return defuse(_shorten(one_line(text), TEXT_LENGTH))


def defuse(text: str) -> str:
    """Return text of which no mail program makes a link. Idempotent."""
    return _LINKING.sub(_bracket, text)


def quoted(text: str, length: int = SUBJECT_LENGTH) -> str:
    """Return a user's text in quotation marks that it cannot end, shortened: for subjects."""
    return f"“{_shorten(defuse(text), length).translate(_QUOTATION_MARKS)}”"


def quote(text: str) -> str:
    """Return a user's text as the quoted lines of a plain-text mail.

    No line is so long that a mail program would break it: the rest would look unquoted.
    """
    defused = defuse(text)
    is_wide = any(unicodedata.east_asian_width(character) in "WF" for character in defused)
    columns = _LINE_COLUMNS // 2 if is_wide else _LINE_COLUMNS
    return "\n".join(f"> {line}" for line in textwrap.wrap(defused, columns, break_on_hyphens=False))


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if character in _BIDI_CONTROLS or category in {"Cc", "Zl", "Zp", "Cs"}:
        return " "
    return "" if category == "Cf" and character not in _JOINERS else character


def _bracket(match: re.Match[str]) -> str:
    text = match[0]
    if match["kept"]:
        return text
    if match["ip"]:
        return text.replace(".", "[.]")
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    is_number = text in {".", ":"} and _is_digit(before) and _is_digit(after)
    return text if is_number else f"[{text}]"  # 10.11 and 12:30: no domain and no scheme ends or begins so


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdigit()


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
