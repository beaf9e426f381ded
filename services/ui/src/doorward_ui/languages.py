"""Which language a browser gets: the chosen one, else what the application asks for, else a preferred one."""

import re
from collections.abc import Iterable
from typing import Final

from doorward_ui.texts import LANGUAGES

MAX_TAGS: Final = 20
"""Language tags of one request; further ones are ignored."""

_TAG: Final = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8})*")


def choose(chosen: str, asked: str, accept_language: str) -> str:
    """Return a shipped language.

    `chosen` is what the user of the browser chose, now and before; `asked` is the `ui_locales` of OpenID
    Connect. Both are lists with spaces. `accept_language` is the header of RFC 9110 section 12.5.4.
    """
    for tags in (chosen.split(), asked.split(), _accepted(accept_language)):
        found = _first_shipped(tags)
        if found is not None:
            return found
    return LANGUAGES[0]


def _accepted(header: str) -> list[str]:
    """Return the tags, the most preferred first; weight 0 means that a language is not wanted."""
    weighted: list[tuple[float, str]] = []
    for item in header.split(",")[:MAX_TAGS]:
        tag, _, parameter = item.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            value = float(weight) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if value > 0:
            weighted.append((value, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]


def _first_shipped(tags: Iterable[str]) -> str | None:
    for tag in list(tags)[:MAX_TAGS]:
        language = re.split("[-_]", tag)[0].lower()
        if _TAG.fullmatch(tag) and language in LANGUAGES:
            return language
    return None
