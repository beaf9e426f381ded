"""Names of users: one line of text, stored as typed and compared without case."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from doorward_identity.tables import NAME_LENGTH
from doorward_kit.user_text import one_line


def name_key(name: str) -> str:
    """Return what names are sorted and searched by: NFKC, casefolded, cut to its column."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)[: NAME_LENGTH * 2]


def default_name(email: str) -> str:
    """Return a name for a user who has given none: the first word of the address, such as `ada`.

    Other users see names, and in a company the part before the `@` tells the whole address.
    """
    local = email.rpartition("@")[0]
    return (re.split(r"[._+-]", local, maxsplit=1)[0] or local)[:NAME_LENGTH]


def _checked(name: str) -> str:
    return one_line(name, what="name", max_length=NAME_LENGTH)


PersonName = Annotated[
    str, Field(min_length=1, max_length=NAME_LENGTH, examples=["Ada"]), AfterValidator(_checked)
]
"""A name as typed: one line, at least one visible character."""
