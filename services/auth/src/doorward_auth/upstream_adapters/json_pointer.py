"""JSON pointers (RFC 6901), which name the values of an upstream's answer."""

import re
from typing import Any, Final

MAX_LENGTH: Final = 256

_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")


class _Missing:
    """The type of MISSING."""


MISSING: Final = _Missing()
"""The result of a pointer to nothing, because null is a value."""


class JsonPointer:
    """A parsed pointer."""

    def __init__(self, text: str) -> None:
        """Raise ValueError for text that is no pointer."""
        if len(text) > MAX_LENGTH or not _POINTER.fullmatch(text):
            raise ValueError('is no JSON pointer (RFC 6901): write one like "/user/id"')
        self.text = text
        self._parts = [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]

    def resolve(self, document: Any) -> Any:
        """Return the value, or MISSING."""
        value = document
        for part in self._parts:
            if isinstance(value, dict):
                value = value.get(part, MISSING)
            elif isinstance(value, list) and _INDEX.fullmatch(part) and int(part) < len(value):
                value = value[int(part)]
            else:
                return MISSING
        return value

    def __repr__(self) -> str:
        return f"JsonPointer({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonPointer) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)
