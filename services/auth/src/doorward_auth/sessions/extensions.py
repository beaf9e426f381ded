"""The claim `ext` of a session's access tokens, as its row stores it: a JSON object of at most 512 bytes."""

import json
from collections.abc import Mapping
from typing import Final

from doorward_client.tokens import Scalar

MAX_LENGTH: Final = 512


def dump(extensions: Mapping[str, Scalar]) -> str | None:
    """Return the text that the column stores, None for none. Raises ValueError past MAX_LENGTH bytes."""
    if not extensions:
        return None
    text = json.dumps(dict(extensions), allow_nan=False, separators=(",", ":"))
    if len(text) > MAX_LENGTH:
        raise ValueError(f"extensions of {len(text)} bytes")
    return text


def load(text: str | None) -> Mapping[str, Scalar]:
    """Read what `dump` returns."""
    loaded: dict[str, Scalar] = {} if text is None else json.loads(text)
    return loaded
